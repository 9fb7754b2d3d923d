"""labelme: a JSON file of outlines per photo, drawn in a frame that need not be the photo's size."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from descale.base.errors import DataError
from descale.base.photo import MAX_PIXELS, PHOTO_SUFFIXES
from descale.data.class_names import class_of
from descale.data.description import Description
from descale.data.folders import Listing, Pair, files_by_stem, split_folders
from descale.data.polygons import Outline, Points, pairs, rasterise, shrink_labels
from descale.data.problems import SizeMismatch
from descale.data.sample import Mask

CIRCLE_POINTS = 64


@dataclass(frozen=True)
class LabelmeLabel:
    """A labelme file and the description that says what its names mean.

    The photo is found by the file's own name; ``imagePath`` inside is what the photo was once
    called on the annotator's disk, and is disregarded.
    """

    path: Path
    description: Description

    @property
    def values(self) -> tuple[tuple[str, int], ...]:
        """Pairs (name in the files, class id)."""
        given = {key: self.description.class_id(name) for key, name in self.description.label_names.items()}
        return tuple(sorted(given.items()))

    def read(self, size: tuple[int, int]) -> Mask:
        """Class ids, uint8 of shape ``size``; outlines are scaled from the frame they were drawn in.

        Raises:
            DataError: missing, broken, a kind of shape without an area, an unknown class.
        """
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            frame = (int(content["imageHeight"]), int(content["imageWidth"]))
            shapes = list(content["shapes"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{self.path}: not a labelme file ({error!r}). Save it again in labelme."
            ) from error
        if min(frame) <= 0 or frame[0] * frame[1] > MAX_PIXELS:
            raise DataError(f"{self.path}: the frame is {frame[1]} x {frame[0]}. Save it again in labelme.")
        if frame != size and frame == (size[1], size[0]):
            raise SizeMismatch(
                f"{self.path}: drawn on the photo turned by 90 degrees (it ignored the EXIF orientation). "
                "Rotate the photo for good and label it again."
            )
        drawn = rasterise((self._outline(shape) for shape in shapes), frame, frame)
        return shrink_labels(drawn, size)

    def _outline(self, shape: dict[str, Any]) -> Outline:
        try:
            name, kind = str(shape["label"]), str(shape.get("shape_type") or "polygon")
            points = pairs(number for x, y in shape["points"] for number in (x, y))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{self.path}: a shape is damaged ({error!r}). Save it again in labelme."
            ) from error
        class_id = class_of(self.description, name, where=str(self.path))
        if kind == "polygon" and len(points) >= 3:
            return Outline(class_id, points)
        if kind == "rectangle" and len(points) == 2:
            (x1, y1), (x2, y2) = points
            return Outline(class_id, ((x1, y1), (x2, y1), (x2, y2), (x1, y2)))
        if kind == "circle" and len(points) == 2:
            return Outline(class_id, _circle(points))
        raise DataError(
            f"{self.path}: a '{kind}' of {len(points)} points called '{name}' has no area. "
            "Redraw it as a polygon, rectangle or circle."
        )


def read_labelme(description: Description, root: Path) -> Listing:
    """Pairs of a labelme set.

    Raises:
        DataError: folders are missing.
    """
    found: list[Pair] = []
    unlabelled: list[Path] = []
    orphans: list[Path] = []
    for split, folder, name in split_folders(root, description.images):
        photos = files_by_stem(folder, PHOTO_SUFFIXES)
        labels = files_by_stem(root / description.labels.format(split=name), {".json"})
        for stem, image in photos.items():
            if stem in labels:
                found.append(Pair(stem, split, image, LabelmeLabel(labels[stem], description)))
            else:
                unlabelled.append(image)
        orphans.extend(path for stem, path in labels.items() if stem not in photos)
    return Listing(tuple(found), tuple(unlabelled), tuple(orphans))


def _circle(points: Points) -> Points:
    (x, y), (edge_x, edge_y) = points
    radius = math.hypot(edge_x - x, edge_y - y)
    turns = (2 * math.pi * i / CIRCLE_POINTS for i in range(CIRCLE_POINTS))
    return tuple((x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns)
