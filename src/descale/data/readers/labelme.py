"""labelme: a JSON file of outlines per photo, drawn in a frame that need not be the photo's size."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.base.classes import IGNORED
from descale.base.errors import DataError
from descale.base.files import NotText, read_text
from descale.base.photo import MAX_PIXELS, PHOTO_SUFFIXES, reading
from descale.data.class_names import class_of
from descale.data.description import Description
from descale.data.folders import (
    Listing,
    Pair,
    files_by_stem,
    files_of_other_endings,
    split_folders,
    without_photo,
)
from descale.data.polygons import (
    Outline,
    Points,
    farthest,
    has_area,
    pairs,
    rasterise,
    shrink_labels,
    wrong_unit,
)
from descale.data.problems import SizeMismatch, WrongUnit
from descale.data.sample import Mask, Notes, Reading

CIRCLE_POINTS = 64
POINTS = {
    "circle": (2,), "mask": (2,), "rectangle": (2, 4), "rotation": (4,), "oriented_rectangle": (4,),
    "quadrilateral": (4,),
}  # fmt: skip
"""Kinds of labelme and X-AnyLabeling beside polygons, and how many points they are written with."""
NO_AREA = frozenset({"point", "points", "line", "linestrip"})

ASPECT = 0.03
"""Share by which the sides of a frame may be in another proportion than its photo's: more is no rounding."""

USUAL = {"_background_": 0, "__ignore__": IGNORED}
"""Names that labelme's own converters give a meaning."""


@dataclass(frozen=True, eq=False)
class Shape:
    """One shape of a file.

    Attributes:
        points: its outline, in the frame's pixels.
        placed: points that lie on the photo if the unit is right: a circle may run over its edge.
        stamp: of an AI mask, which pixels of the box around ``points`` belong to it.
    """

    name: str
    kind: str
    class_id: int
    points: Points
    placed: Points
    stamp: NDArray[np.bool_] | None


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
        ignored = {str(name): IGNORED for name in self.description.ignore}
        return tuple(sorted((ignored | given).items()))

    def read(self, size: tuple[int, int]) -> Reading:
        """The label of a photo of ``size`` = (height, width), scaled from the frame it was drawn in.

        A frame of 1 x 1 says that the outlines are shares of width and height.

        Raises:
            WrongUnit: an outline cannot be in pixels of the frame.
            DataError: missing, broken, a kind of shape without an area, an unknown class.
        """
        try:
            content = json.loads(read_text(self.path))
            frame = (int(content.get("imageHeight") or 0), int(content.get("imageWidth") or 0))
            shapes = [self._shape(shape) for shape in content["shapes"]]
        except NotText as error:
            raise DataError(f"{self.path}: {error}") from error
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise DataError(
                f"{self.path}: not a labelme file ({error!r}). Save it again in labelme."
            ) from error
        stated = min(frame) > 0
        if not stated:
            frame = size
        if math.prod(_canvas(frame, size)) > MAX_PIXELS:
            raise DataError(f"{self.path}: the frame is {frame[1]} x {frame[0]}. Save it again in labelme.")
        if frame != size and frame == (size[1], size[0]):
            raise SizeMismatch(
                f"{self.path}: drawn on the photo turned by 90 degrees (it ignored the EXIF orientation). "
                "Rotate the photo for good and label it again."
            )
        placed = [shape.placed for shape in shapes]
        for shape in shapes:
            if reason := wrong_unit(shape.placed, frame, beside=placed, photo=size):
                raise WrongUnit(
                    f"{self.path}: {shape.kind} '{shape.name}': {reason}. Save the outlines in pixels of the "
                    "frame that the file states."
                )
        reach = farthest(placed)
        shares = reach and (reach[0] / frame[1], reach[1] / frame[0])
        remarks: tuple[tuple[str, str], ...] = () if stated else (("size not stated", str(self.path)),)
        if _stretched(frame, size):
            text = f"{self.path}: {frame[1]} x {frame[0]} for a photo of {size[1]} x {size[0]}"
            remarks += (("frame of another shape", text),)
        return Reading(shrink_labels(_draw(shapes, frame, size), size), Notes(shares, reach, remarks=remarks))

    def _shape(self, shape: dict[str, Any]) -> Shape:
        try:
            name, kind = str(shape["label"]), str(shape.get("shape_type") or "polygon").lower()
            points = pairs(number for x, y in shape["points"] for number in (x, y))
            stamp = _stamp(shape["mask"]) if kind == "mask" else None
        except (KeyError, TypeError, ValueError, OSError, OverflowError, DataError) as error:
            raise DataError(
                f"{self.path}: a shape is damaged ({error!r}). Save it again in labelme."
            ) from error
        class_id = class_of(self.description, name, where=str(self.path), usual=USUAL)
        fault = _fault(kind, points)
        outline = () if fault else _outline(kind, points)
        if stamp is not None and outline and _box(outline)[2:] != stamp.shape:
            fault = f"does not fit its picture of {stamp.shape}"
        if fault:
            raise DataError(
                f"{self.path}: a '{kind}' of {len(points)} points called '{name}' {fault}. "
                "Redraw it as a polygon, rectangle or circle, or delete it."
            )
        return Shape(name, kind, class_id, outline, points[:1] if kind == "circle" else outline, stamp)


def read_labelme(description: Description, root: Path) -> Listing:
    """Pairs of a labelme set.

    Raises:
        DataError: folders are missing.
    """
    found: list[Pair] = []
    unlabelled: list[Path] = []
    orphans: list[Path] = []
    hints: dict[Path, str] = {}
    for split, folder, name in split_folders(root, description.images):
        photos = files_by_stem(folder, PHOTO_SUFFIXES)
        label_folder = root / description.labels.format(split=name)
        labels = files_by_stem(label_folder, {".json"})
        for stem, image in photos.items():
            if stem in labels:
                found.append(Pair(stem, split, image, LabelmeLabel(labels[stem], description)))
            else:
                unlabelled.append(image)
        lone = [image for stem, image in photos.items() if stem not in labels]
        hints |= files_of_other_endings(
            label_folder, lone, "shapes are read from .json; export the set as labelme"
        )
        orphans.extend(path for stem, path in labels.items() if stem not in photos)
    return Listing(tuple(found), tuple(unlabelled), without_photo(orphans, found), hints=hints)


def _fault(kind: str, points: Points) -> str | None:
    """Why a shape of labelme and its relatives cannot be filled; ``None`` if it can."""
    if kind not in NO_AREA | POINTS.keys() | {"polygon"}:
        return f"is of a kind that is not read (those that are: polygon, {', '.join(POINTS)})"
    if kind in POINTS and len(points) not in POINTS[kind]:
        return f"should have {' or '.join(map(str, POINTS[kind]))} points"
    # The last row and column of a mask belong to it, so that it may be a single pixel.
    flat = kind in NO_AREA or (kind != "mask" and not has_area(_outline(kind, points)))
    return "has no area" if flat else None


def _outline(kind: str, points: Points) -> Points:
    """What surrounds a shape with the right number of points for its kind."""
    if kind == "circle":
        return _circle(points)
    if kind in ("rectangle", "mask") and len(points) == 2:
        (x1, y1), (x2, y2) = points
        return (x1, y1), (x2, y1), (x2, y2), (x1, y2)
    return points


def _circle(points: Points) -> Points:
    (x, y), (edge_x, edge_y) = points
    radius = math.hypot(edge_x - x, edge_y - y)
    turns = (2 * math.pi * i / CIRCLE_POINTS for i in range(CIRCLE_POINTS))
    return tuple((x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns)


def _stamp(encoded: str) -> NDArray[np.bool_]:
    """The picture of an AI mask: a PNG in base64, of the size of its box.

    Raises:
        DataError: it is broken, or no such picture.
    """
    stream = io.BytesIO(base64.b64decode(encoded))
    stream.name = "the picture of a mask"
    with reading(stream) as image:
        return np.asarray(image.convert("L")) > 0


def _box(outline: Points) -> tuple[int, int, int, int]:
    """Top, left, height and width in pixels; the last row and column belong to it."""
    xs, ys = [int(x) for x, _ in outline], [int(y) for _, y in outline]
    return min(ys), min(xs), max(ys) - min(ys) + 1, max(xs) - min(xs) + 1


def _stretched(frame: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether no photo of this frame's proportions, its sides rounded to pixels, was scaled to ``size``."""
    if frame == (1, 1):
        return False
    short, long = size[0] * frame[1], size[1] * frame[0]
    rounding = max((part + 0.5) / part for part in (*frame, *size)) - 1
    return max(short, long) / min(short, long) > (1 + ASPECT) * (1 + rounding)


def _canvas(frame: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Height and width in which shapes are drawn."""
    return max(frame[0], size[0]), max(frame[1], size[1])


def _draw(shapes: Iterable[Shape], frame: tuple[int, int], size: tuple[int, int]) -> Mask:
    """All shapes, later over earlier, as large as the frame or, where that is larger, as the photo.

    Published masks were drawn in frames larger than the photos; but in a smaller frame every pixel would
    become a block of the photo's.
    """
    drawn = _canvas(frame, size)
    canvas = np.zeros(drawn, dtype=np.uint8)
    outlines: list[Outline] = []
    for shape in shapes:
        if shape.stamp is None:
            outlines.append(Outline(shape.class_id, shape.points))
            continue
        canvas = rasterise(outlines, frame, drawn, onto=canvas)
        outlines = []
        top, left, height, width = _box(shape.points)
        top, bottom = (row * drawn[0] // frame[0] for row in (top, top + height))
        left, right = (column * drawn[1] // frame[1] for column in (left, left + width))
        whole = shrink_labels(shape.stamp, (bottom - top, right - left))
        inside = canvas[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        stamp = whole[max(-top, 0) :, max(-left, 0) :][: inside.shape[0], : inside.shape[1]]
        inside[stamp] = shape.class_id
    return rasterise(outlines, frame, drawn, onto=canvas)
