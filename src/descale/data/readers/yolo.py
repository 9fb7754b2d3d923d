"""YOLO-seg: a text file per photo, ``class x1 y1 x2 y2 ...`` in shares of width and height."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from descale.base.classes import IGNORED
from descale.base.errors import DataError
from descale.base.files import NotText, read_text
from descale.base.photo import PHOTO_SUFFIXES
from descale.data.class_names import classes_of, say_what_it_means
from descale.data.description import Description
from descale.data.folders import (
    Listing,
    Pair,
    files_by_stem,
    files_of_other_endings,
    split_folders,
    without_photo,
)
from descale.data.polygons import Outline, farthest, has_area, pairs, rasterise
from descale.data.problems import UnknownClass, WrongUnit
from descale.data.sample import Notes, Reading

TOLERANCE = 0.01
"""Platforms round outlines to a little outside the picture; farther out is another unit."""


@dataclass(frozen=True)
class YoloLabel:
    """A text file of outlines.

    Attributes:
        values: pairs (number in the file, class id).
        classes: names of the classes, for messages.
    """

    path: Path
    values: tuple[tuple[int, int], ...]
    classes: tuple[str, ...]

    def read(self, size: tuple[int, int]) -> Reading:
        """The label of a photo of ``size`` = (height, width); an empty file is a photo without corrosion.

        Raises:
            DataError: missing, not text, a box instead of an outline, an unknown class.
        """
        try:
            lines = read_text(self.path).splitlines()
        except NotText as error:
            raise DataError(f"{self.path}: {error}") from error
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error}). Export it again.") from error
        known = dict(self.values)
        stored = {
            f"{self.path}:{number}": parse_line(line, known, f"{self.path}:{number}", self.classes)
            for number, line in enumerate(lines, start=1)
            if line.strip()
        }
        outlines = [outline for outline in stored.values() if has_area(outline.points)]
        remarks = tuple(
            ("outline without an area", f"{where}: all points on one line")
            for where, outline in stored.items()
            if not has_area(outline.points)
        )
        reach = farthest(outline.points for outline in outlines)
        return Reading(rasterise(outlines, (1.0, 1.0), size), Notes(reach, reach, remarks=remarks))


def parse_line(line: str, known: Mapping[int, int], where: str, classes: Iterable[str] = ()) -> Outline:
    """One outline.

    Raises:
        DataError: a box (5 numbers), too few or unpaired numbers, not a number, not in shares.
        UnknownClass: a class number that is not in ``known``.

    >>> parse_line("0 0 0 1 0 1 1", {0: 1}, "a.txt:1")
    Outline(class_id=1, points=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)))
    """
    words = line.split()
    try:
        number, shares = int(words[0]), [float(word) for word in words[1:]]
    except ValueError as error:
        raise DataError(f"{where}: {error}. A line is 'class x1 y1 x2 y2 ...'.") from error
    if len(shares) == 4:
        raise DataError(f"{where}: 5 numbers are a box, not an outline. Export the set for segmentation.")
    if len(shares) < 6 or len(shares) % 2:
        raise DataError(
            f"{where}: {len(shares)} coordinates; an outline has pairs of x and y, at least 3. "
            "Export it again."
        )
    if not all(-TOLERANCE <= share <= 1 + TOLERANCE for share in shares):
        reach = max(max(shares), -min(shares))
        unit = "a frame smaller than the photo"
        if reach > 2:
            unit = "pixels" if reach > 101 else "percent or pixels"
        raise WrongUnit(
            f"{where}: coordinates outside 0..1 (up to {reach:g}: {unit}?); they must be shares of width and "
            "height. Export the set again."
        )
    if number not in known:
        legal = ", ".join(map(str, sorted(known))) or "none"
        raise UnknownClass(
            f"{where}: class number {number} is not in data.yaml (known: {legal}). "
            f"{say_what_it_means(number, classes)}"
        )
    return Outline(known[number], pairs(shares))


def read_yolo(description: Description, root: Path) -> Listing:
    """Pairs of a YOLO-seg export. Only ``names`` of its data.yaml is used, never its paths.

    Raises:
        DataError: folders are missing, data.yaml is broken, or a class name is unknown.
    """
    values = _numbers(description, root / "data.yaml")
    found: list[Pair] = []
    unlabelled: list[Path] = []
    orphans: list[Path] = []
    hints: dict[Path, str] = {}
    for split, folder, name in split_folders(root, description.images):
        photos = files_by_stem(folder, PHOTO_SUFFIXES)
        label_folder = root / description.labels.format(split=name)
        texts = files_by_stem(label_folder, {".txt"})
        for stem, image in photos.items():
            if stem in texts:
                found.append(
                    Pair(stem, split, image, YoloLabel(texts[stem], values, description.table.names))
                )
            else:
                unlabelled.append(image)
        lone = [image for stem, image in photos.items() if stem not in texts]
        hints |= files_of_other_endings(
            label_folder, lone, "outlines are read from .txt; export the set as YOLO-seg"
        )
        orphans.extend(path for stem, path in texts.items() if stem not in photos and stem != "classes")
    return Listing(tuple(found), tuple(unlabelled), without_photo(orphans, found), hints=hints)


def _word(name: Any) -> str:
    if isinstance(name, (dict, list)):
        raise TypeError("a name is a list or a mapping")
    return str(name)


def _numbers(description: Description, path: Path) -> tuple[tuple[int, int], ...]:
    """Class number in the files -> class id."""
    names: dict[int, str] = {}
    if path.is_file():
        try:
            given = yaml.safe_load(read_text(path)).get("names") or {}
            items = given.items() if isinstance(given, dict) else enumerate(given)
            names = {int(number): _word(name) for number, name in items}
        except NotText as error:
            raise DataError(f"{path}: {error}") from error
        except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
            raise DataError(f"{path}: 'names' cannot be read ({error}). Export the set again.") from error
    known = classes_of(description, names, where=str(path))
    for key, name in description.label_names.items():
        if key.isdecimal():
            known.setdefault(int(key), description.class_id(name))
    for entry in description.ignore:
        if str(entry).isdecimal():
            known.setdefault(int(str(entry)), IGNORED)
    if not known:
        raise DataError(
            f"{path}: missing, so the class numbers have no meaning. "
            f"Add it. {say_what_it_means(0, description.table.names)}"
        )
    return tuple(sorted(known.items()))
