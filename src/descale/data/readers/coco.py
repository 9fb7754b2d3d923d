"""COCO: one JSON file per split with outlines or run lengths."""

from __future__ import annotations

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from descale.base.errors import DataError
from descale.base.files import NotText, read_text
from descale.base.photo import PHOTO_SUFFIXES
from descale.data.class_names import classes_of
from descale.data.description import Description
from descale.data.folders import Listing, Pair, files_by_stem, plain_name, split_folders
from descale.data.polygons import FARTHEST
from descale.data.readers.coco_label import Box, CocoLabel, Region

logger = logging.getLogger(__name__)


def read_coco(description: Description, root: Path) -> Listing:
    """Pairs of a COCO export. A photo without annotations has no corrosion.

    Raises:
        DataError: files are missing or damaged, a category that is used has no class, or annotations
            belong to no image of the file.
    """
    found: list[Pair] = []
    unlabelled: list[Path] = []
    used: set[tuple[Path, str]] = set()
    lone: dict[tuple[Path, str], Path] = {}
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
        for file_name in labels:
            lone.setdefault((path, plain_name(file_name)), folder / file_name)
        used.update((path, plain_name(image.name)) for image in photos.values())
    orphans = [photo for key, photo in lone.items() if key not in used]  # one file may serve all splits
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
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise DataError(f"{path}: not a COCO annotation file ({error!r}). Export the set again.") from error
    _refuse_repeated(path, [image_id for _, image_id, _ in images], content["categories"])
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
    names = {number: str(categories[number]["name"]) for number in sorted(used)}
    class_ids = classes_of(description, names, where=str(path))
    values = tuple(class_ids.items())
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


def _refuse_repeated(path: Path, images: Sequence[str], categories: Sequence[dict[str, Any]]) -> None:
    """Numbers that stand twice, as in exports that were joined, would give photos the labels of others."""
    if twice := next((one for one, count in Counter(images).items() if count > 1), None):
        raise DataError(
            f"{path}: two images have the id {twice}, so annotations may be of either. Join exports "
            "with a tool that numbers them anew."
        )
    names: dict[int, Any] = {}
    for entry in categories:
        number, name = int(entry["id"]), entry.get("name")
        if names.setdefault(number, name) != name:
            raise DataError(
                f"{path}: category {number} is called '{names[number]}' and '{name}'. Join exports "
                "with a tool that numbers them anew."
            )


def _box(stated: Any) -> Box | None:
    """A box that can be compared with outlines: four numbers, and it has an area."""
    if not isinstance(stated, (list, tuple)) or len(stated) != 4:
        return None
    if not all(isinstance(side, (int, float)) and abs(side) < FARTHEST for side in stated):
        return None
    x, y, width, height = map(float, stated)
    return (x, y, width, height) if min(width, height) > 0 else None


def _nested(segmentation: Any) -> Any:
    """A lone outline, which some tools write without a list around it, is a list of one; so are points of two
    numbers each."""
    if isinstance(segmentation, list) and segmentation:
        if not isinstance(segmentation[0], (list, tuple)):
            return [segmentation]
        if len(segmentation) > 2 and all(
            isinstance(part, (list, tuple)) and len(part) == 2 for part in segmentation
        ):
            return [[number for point in segmentation for number in point]]
    return segmentation or []
