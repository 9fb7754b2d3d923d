"""The annotations of one photo in a COCO file, and whether they say what their boxes say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.base.errors import DataError
from descale.data.polygons import Outline, Points, farthest, has_area, pairs, rasterise, wrong_unit
from descale.data.problems import SizeMismatch, WrongUnit
from descale.data.rle import decode_rle
from descale.data.sample import Notes, Reading

BOX_PIXELS, BOX_SHARE = 2.0, 0.1
"""How far a side of an annotation's box may lie from its outlines: pixels, or a share of its longer side."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


@dataclass(frozen=True)
class Region:
    """One annotation.

    Attributes:
        annotation: its id, for messages.
        segmentation: as the file has it.
        box: x, y, width and height as the file states them; ``None`` without a box of some area.
    """

    annotation: str
    class_id: int
    segmentation: Any
    box: Box | None = None

    @property
    def is_rle(self) -> bool:
        """Run lengths rather than outlines."""
        return isinstance(self.segmentation, dict)


@dataclass(frozen=True)
class CocoLabel:
    """The annotations of one photo, in the file's order.

    Attributes:
        path: the annotation file.
        frame: height and width that the file states for the photo; 0 where it does not.
        regions: what is drawn on it; none means no corrosion.
        values: pairs (category id, class id).
    """

    path: Path
    frame: tuple[int, int]
    regions: tuple[Region, ...]
    values: tuple[tuple[int, int], ...]

    def read(self, size: tuple[int, int]) -> Reading:
        """The label of a photo of ``size`` = (height, width); later annotations lie over earlier ones.

        Raises:
            SizeMismatch: the file states another size than the photo has.
            WrongUnit: an outline cannot be in the photo's pixels, or contradicts the annotation's box.
            DataError: a damaged segmentation, or boxes only.
        """
        stated = min(self.frame) > 0
        if stated and self.frame != size:
            self._refuse_turned(self.frame, size)
            raise SizeMismatch(
                f"{self.path}: states {self.frame[1]} x {self.frame[0]} pixels for a photo of "
                f"{size[1]} x {size[0]}. Export photos and annotations together."
            )
        mask = np.zeros(size, dtype=np.uint8)
        stored = {i: self._stored(region) for i, region in enumerate(self.regions) if not region.is_rle}
        outlines = {i: [points for points in polygons if has_area(points)] for i, polygons in stored.items()}
        everything = [points for polygons in outlines.values() for points in polygons]
        alone = not everything and not any(region.is_rle for region in self.regions)
        remarks: list[tuple[str, str]] = [] if stated else [("size not stated", str(self.path))]
        waiting: list[Outline] = []  # drawn together: each drawing takes several passes over the photo
        for i, region in enumerate(self.regions):
            where = f"{self.path}: annotation {region.annotation}"
            if region.is_rle:
                if waiting:
                    mask, waiting = rasterise(waiting, size, size, onto=mask), []
                mask[_decoded(region, size, where)] = region.class_id
                continue
            for points in outlines[i]:
                if reason := wrong_unit(points, size, beside=everything):
                    raise WrongUnit(f"{where}: {reason}. Export the outlines in pixels of these photos.")
            lines = any(len(points) >= 3 for points in stored[i])
            if not (outlines[i] or lines) and (alone or not _is_stray(region, stored[i], size)):
                raise DataError(f"{where}: a box without an outline. Export the set for segmentation.")
            if region.box and (reason := _contradiction(region.box, outlines[i], stored[i], size=size)):
                raise WrongUnit(
                    f"{where}: {reason}. Export the set again; if the outlines are right, remove 'bbox'."
                )
            waiting += (Outline(region.class_id, points) for points in outlines[i])
            if flat := _flat(stored[i]):
                remarks.append(("outline without an area", f"{where}: {flat}"))
        reach = farthest(everything)
        shares = reach and (reach[0] / size[1], reach[1] / size[0])
        mask = rasterise(waiting, size, size, onto=mask)
        return Reading(mask, Notes(shares, reach, remarks=tuple(remarks)))

    def _refuse_turned(self, frame: tuple[int, int], size: tuple[int, int]) -> None:
        if frame == (size[1], size[0]):
            raise SizeMismatch(
                f"{self.path}: drawn on photos turned by 90 degrees (it ignored the EXIF orientation). "
                "Rotate the photos for good and label them again."
            )

    def _stored(self, region: Region) -> list[Points]:
        """All outlines of an annotation, also those that have no area."""
        try:
            return [pairs(numbers) for numbers in region.segmentation]
        except (TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"{self.path}: annotation {region.annotation}: the segmentation is damaged ({error}). "
                "Export it again."
            ) from error


def _is_stray(region: Region, stored: list[Points], size: tuple[int, int]) -> bool:
    """Whether an annotation without an area means none: no box says that something is there to outline."""
    if region.box is None:
        return True
    return any(stored) and _contradiction(region.box, stored, size=size) is None


def _flat(stored: list[Points]) -> str:
    """How many outlines have no area, in words; nothing if all of them have."""
    short = sum(len(points) < 3 for points in stored)
    lines = sum(len(points) >= 3 and not has_area(points) for points in stored)
    told = [f"{short} of fewer than 3 points"] * bool(short) + [f"{lines} on a line"] * bool(lines)
    return " and ".join(told) if stored else "no outline and no box"


def _contradiction(box: Box, *readings: list[Points], size: tuple[int, int]) -> str | None:
    """How the outlines of an annotation disagree with its box, in each of the readings of them.

    Outlines and box may run over the photo's edge.
    """
    x, y, width, height = box
    allowed = max(BOX_PIXELS, BOX_SHARE * max(width, height))
    extents = [_extent(polygons) for polygons in readings if any(polygons)]
    for extent in extents:
        # Some tools write the lower right corner for width and height; that says nothing about the outlines.
        for stated in ((x, y, x + width, y + height), (x, y, width, height)):
            sides = zip(_clipped(extent, size), _clipped(stated, size), strict=True)
            if max(abs(drawn - told) for drawn, told in sides) <= allowed:
                return None
    return f"the outlines span {_spell(extents[0])}, but 'bbox' {_spell((x, y, x + width, y + height))}"


def _extent(polygons: list[Points]) -> Box:
    points = [point for polygon in polygons for point in polygon]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _clipped(box: Box, size: tuple[int, int]) -> Box:
    height, width = size
    left, top, right, bottom = box
    return (
        min(max(left, 0), width),
        min(max(top, 0), height),
        min(max(right, 0), width),
        min(max(bottom, 0), height),
    )


def _spell(box: Box) -> str:
    left, top, right, bottom = box
    return f"({left:g}, {top:g}) to ({right:g}, {bottom:g})"


def _decoded(region: Region, size: tuple[int, int], where: str) -> NDArray[np.bool_]:
    try:
        height, width = region.segmentation["size"]
        if (height, width) != size:
            raise SizeMismatch(f"{where}: run lengths for {width} x {height} pixels. Export it again.")
        return decode_rle(region.segmentation["counts"], size)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{where}: the segmentation is damaged ({error}). Export it again.") from error
