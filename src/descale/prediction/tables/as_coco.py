"""COCO: one annotation per connected patch of each class but the first, as run-length encoding.

The counts are uncompressed lists, column by column as COCO has them; pycocotools reads them
(``COCO.annToMask``). Category ids are the class ids.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.base.files import write_text
from descale.base.photo import reading
from descale.prediction.ratings import CAVEAT
from descale.prediction.tables.content import TableContent
from descale.runtime.patches import Patches, find_patches


def write(path: Path, content: TableContent) -> None:
    """Write ``info``, ``categories``, ``images`` and ``annotations``."""
    annotations: list[dict[str, Any]] = []
    images = []
    for number, result in enumerate(content.results, start=1):
        images.append(
            {"id": number, "file_name": result.photo, "width": result.width, "height": result.height}
        )
        with reading(content.masks / f"{result.name}.png", max_pixels=1 << 62) as image:
            mask = np.asarray(image)
        for category in range(1, len(content.classes)):
            for annotation in mask_annotations(mask == category):
                numbers = {"id": len(annotations) + 1, "image_id": number, "category_id": category}
                annotations.append(numbers | annotation)
    document = {
        "info": {"description": "descale predictions", "note": CAVEAT, "made_by": dict(content.made_by)},
        "categories": [
            {
                "id": number,
                "name": entry.name,
                "supercategory": "corrosion" if entry.corrosion else "other",
            }
            for number, entry in enumerate(content.classes.classes)
            if number > 0
        ],
        "images": images,
        "annotations": annotations,
    }
    write_text(path, json.dumps(document, allow_nan=False) + "\n")  # on one line: counts are long


def mask_annotations(mask: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """``segmentation``, ``area``, ``bbox`` (left, top, width, height), ``iscrowd`` of every patch.

    >>> mask = np.zeros((3, 4), bool); mask[1, 1:3] = True
    >>> mask_annotations(mask)[0]["segmentation"]
    {'size': [3, 4], 'counts': [4, 1, 2, 1, 4]}
    """
    height, width = mask.shape
    # COCO counts down the columns: patches of the transposed mask have their runs in that order.
    patches = find_patches(np.ascontiguousarray(mask.T))
    return [
        {
            "segmentation": {"size": [height, width], "counts": counts},
            "area": int(area),
            "bbox": [int(box[1]), int(box[0]), int(box[3]), int(box[2])],
            "iscrowd": 0,
        }
        for counts, area, box in zip(
            _counts(patches, height, width), patches.areas, patches.boxes, strict=True
        )
    ]


def _counts(patches: Patches, height: int, width: int) -> list[list[int]]:
    if not len(patches):
        return []
    order = np.argsort(patches.labels, kind="stable")  # patch by patch, in COCO's order within each
    runs = patches.runs
    begin = (runs.row * height + runs.start)[order]
    end = (runs.row * height + runs.stop)[order]
    borders = np.searchsorted(patches.labels[order], np.arange(1, len(patches)))
    result = []
    for starts, stops in zip(np.split(begin, borders), np.split(end, borders), strict=True):
        # Background and patch take turns; runs that meet at a column's end are one.
        joined = np.flatnonzero(starts[1:] == stops[:-1])
        starts, stops = np.delete(starts, joined + 1), np.delete(stops, joined)
        edges = np.empty(2 * len(starts) + 2, np.int64)
        edges[0], edges[-1] = 0, height * width
        edges[1:-1:2], edges[2:-1:2] = starts, stops
        counts = np.diff(edges).tolist()
        result.append(counts if counts[-1] else counts[:-1])
    return result
