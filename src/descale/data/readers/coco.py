"""COCO: one JSON file per split with outlines or run lengths."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from descale.base.errors import DataError
from descale.base.photo import PHOTO_SUFFIXES
from descale.data.class_names import class_of
from descale.data.description import Description
from descale.data.folders import Listing, Pair, files_by_stem, split_folders
from descale.data.polygons import Outline, pairs, rasterise
from descale.data.problems import SizeMismatch
from descale.data.rle import decode_rle
from descale.data.sample import Mask


@dataclass(frozen=True)
class Region:
    """One annotation: its id (for messages), its class and its segmentation as the file has it."""

    annotation: str
    class_id: int
    segmentation: Any


@dataclass(frozen=True)
class CocoLabel:
    """The annotations of one photo, in the file's order.

    Attributes:
        path: the annotation file.
        frame: height and width that the file states for the photo.
        regions: what is drawn on it; none means no corrosion.
        values: pairs (category id, class id).
    """

    path: Path
    frame: tuple[int, int]
    regions: tuple[Region, ...]
    values: tuple[tuple[int, int], ...]

    def read(self, size: tuple[int, int]) -> Mask:
        """Class ids, uint8 of shape ``size``; later annotations lie over earlier ones.

        Raises:
            SizeMismatch: the file states another size than the photo has.
            DataError: a damaged segmentation, or boxes only.
        """
        if self.frame != size:
            raise SizeMismatch(
                f"{self.path}: states {self.frame[1]} x {self.frame[0]} pixels for a photo of "
                f"{size[1]} x {size[0]}. Export photos and annotations together."
            )
        mask = np.zeros(size, dtype=np.uint8)
        for region in self.regions:
            self._draw(region, mask)
        return mask

    def _draw(self, region: Region, mask: Mask) -> None:
        where = f"{self.path}: annotation {region.annotation}"
        size = (mask.shape[0], mask.shape[1])
        try:
            if isinstance(region.segmentation, dict):
                height, width = region.segmentation["size"]
                if (height, width) != size:
                    raise SizeMismatch(
                        f"{where}: run lengths for {width} x {height} pixels. Export it again."
                    )
                mask[decode_rle(region.segmentation["counts"], size)] = region.class_id
                return
            polygons = [pairs(numbers) for numbers in region.segmentation]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{where}: the segmentation is damaged ({error}). Export it again.") from error
        if not polygons or any(len(points) < 3 for points in polygons):
            raise DataError(f"{where}: a box without an outline. Export the set for segmentation.")
        drawn = rasterise((Outline(1, points) for points in polygons), size, size)
        mask[drawn > 0] = region.class_id


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
        labels = _labels(description, path)
        for stem, image in photos.items():
            label = labels.pop(image.name, None)
            if label is None:
                unlabelled.append(image)
            else:
                found.append(Pair(stem, split, image, label))
        orphans.extend(folder / file_name for file_name in labels)
    return Listing(tuple(found), tuple(unlabelled), tuple(orphans))


def _labels(description: Description, path: Path) -> dict[str, CocoLabel]:
    """File name of each photo -> its label."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        categories = {int(entry["id"]): entry for entry in content["categories"]}
        used = {int(entry["category_id"]) for entry in content["annotations"]}
        by_image: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for entry in content["annotations"]:
            by_image[int(entry["image_id"])].append(entry)
        images = [
            (
                Path(str(entry["file_name"])).name,
                int(entry["id"]),
                (int(entry["height"]), int(entry["width"])),
            )
            for entry in content["images"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not a COCO annotation file ({error!r}). Export the set again.") from error
    # Only categories that are used need a class: category 0 of many exports is a dummy that names the set.
    missing = used - categories.keys()
    if missing:
        raise DataError(f"{path}: annotations name category {min(missing)}, which the file does not define.")
    if lost := sorted(by_image.keys() - {image_id for _, image_id, _ in images}):
        raise DataError(
            f"{path}: {sum(len(by_image[image_id]) for image_id in lost)} annotations belong to images that "
            f"'images' does not list (the first: image_id {lost[0]}). Export the set again."
        )
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
                entry.get("segmentation") or [],
            )
            for entry in by_image.get(image_id, [])
        )
        labels[file_name] = CocoLabel(path, frame, regions, values)
    return labels
