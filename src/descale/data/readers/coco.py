"""COCO: one JSON file per split with outlines or run lengths."""

from __future__ import annotations

import json
import logging
import math
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.base.errors import DataError
from descale.base.files import NotText, read_text
from descale.base.photo import PHOTO_SUFFIXES
from descale.data.class_names import class_of
from descale.data.description import Description
from descale.data.folders import Listing, Pair, files_by_stem, plain_name, split_folders
from descale.data.polygons import Outline, Points, farthest, has_area, pairs, rasterise, wrong_unit
from descale.data.problems import SizeMismatch, WrongUnit
from descale.data.rle import decode_rle
from descale.data.sample import Notes, Reading

logger = logging.getLogger(__name__)


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
        for i, region in enumerate(self.regions):
            where = f"{self.path}: annotation {region.annotation}"
            if region.is_rle:
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
            drawn = rasterise((Outline(1, points) for points in outlines[i]), size, size)
            mask[drawn > 0] = region.class_id
            if flat := _flat(stored[i]):
                remarks.append(("outline without an area", f"{where}: {flat}"))
        reach = farthest(everything)
        shares = reach and (reach[0] / size[1], reach[1] / size[0])
        return Reading(mask, Notes(shares, reach, remarks=tuple(remarks)))

    def _stored(self, region: Region) -> list[Points]:
        """All outlines of an annotation, also those that have no area."""
        try:
            return [pairs(numbers) for numbers in region.segmentation]
        except (TypeError, ValueError) as error:
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


def read_coco(description: Description, root: Path) -> Listing:
    """Pairs of a COCO export. A photo without annotations has no corrosion.

    Raises:
        DataError: files are missing or damaged, a category that is used has no class, or annotations
            belong to no image of the file.
    """
    found: list[Pair] = []
    unlabelled: list[Path] = []
    orphans: list[Path] = []
    for split, folder, name in split_folders(root, description.images):
        path = root / description.labels.format(split=name)
        photos = files_by_stem(folder, PHOTO_SUFFIXES)
        labels = _by_photo(_labels(description, path), photos.values(), path)
        for stem, image in photos.items():
            label = labels.pop(image.name, None)
            if label is None:
                unlabelled.append(image)
            else:
                found.append(Pair(stem, split, image, label))
        orphans.extend(folder / file_name for file_name in labels)
    return Listing(tuple(found), tuple(unlabelled), tuple(orphans))


def _by_photo(labels: dict[str, CocoLabel], photos: Collection[Path], path: Path) -> dict[str, CocoLabel]:
    """The labels by the names that their photos have on disk; those of no photo by the name stated.

    Raises:
        DataError: two of them are for the same photo.
    """
    names = {photo.name for photo in photos}
    by_plain = {plain_name(name): name for name in names}
    found: dict[str, CocoLabel] = {}
    read = 0
    for stated, label in labels.items():
        name = stated if stated in names else by_plain.get(plain_name(stated), stated)
        read += name != stated
        if name in found:
            raise DataError(
                f"{path}: '{stated}' and another image are both for the photo {name}. Export the set again, "
                "photos of the same name in different folders under names of their own."
            )
        found[name] = label
    if read:
        logger.info("%s: %d file names were read as the names that the photos have", path, read)
    return found


def _labels(description: Description, path: Path) -> dict[str, CocoLabel]:
    """File name of each photo -> its label."""
    try:
        content = json.loads(read_text(path))
        categories = {int(entry["id"]): entry for entry in content["categories"]}
        used = {int(entry["category_id"]) for entry in content["annotations"]}
        by_image: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for entry in content["annotations"]:
            by_image[str(entry["image_id"])].append(entry)
        images = [
            (
                str(entry["file_name"]),
                str(entry["id"]),
                (int(entry.get("height") or 0), int(entry.get("width") or 0)),
            )
            for entry in content["images"]
        ]
    except NotText as error:
        raise DataError(f"{path}: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(f"{path}: not a COCO annotation file ({error!r}). Export the set again.") from error
    # Only categories that are used need a class: category 0 of many exports is a dummy that names the set.
    missing = used - categories.keys()
    if missing:
        raise DataError(f"{path}: annotations name category {min(missing)}, which the file does not define.")
    listed = {image_id for _, image_id, _ in images}
    if lost := [image_id for image_id in by_image if image_id not in listed]:
        raise DataError(
            f"{path}: {sum(len(by_image[image_id]) for image_id in lost)} annotations belong to images that "
            f"'images' does not list (the first: image_id {lost[0]}). Export the set again."
        )
    if nameless := sorted(number for number in used if "name" not in categories[number]):
        raise DataError(f"{path}: category {nameless[0]} has no name. Export the set again.")
    values = tuple(
        (number, class_of(description, str(number), str(categories[number]["name"]), where=str(path)))
        for number in sorted(used)
    )
    class_ids = dict(values)
    labels: dict[str, CocoLabel] = {}
    for file_name, image_id, frame in images:
        if file_name in labels:
            raise DataError(f"{path}: '{file_name}' stands in 'images' twice. Export the set again.")
        regions = tuple(
            Region(
                str(entry.get("id", "without id")),
                class_ids[int(entry["category_id"])],
                _nested(entry.get("segmentation")),
                _box(entry.get("bbox")),
            )
            for entry in by_image.get(image_id, [])
        )
        labels[file_name] = CocoLabel(path, frame, regions, values)
    return labels


def _box(stated: Any) -> Box | None:
    """A box that can be compared with outlines: four numbers, and it has an area."""
    if not isinstance(stated, (list, tuple)) or len(stated) != 4:
        return None
    if not all(isinstance(side, (int, float)) and math.isfinite(side) for side in stated):
        return None
    x, y, width, height = map(float, stated)
    return (x, y, width, height) if min(width, height) > 0 else None


def _nested(segmentation: Any) -> Any:
    """A lone outline, which some tools write without a list around it, is a list of one."""
    if isinstance(segmentation, list) and segmentation and not isinstance(segmentation[0], (list, tuple)):
        return [segmentation]
    return segmentation or []
