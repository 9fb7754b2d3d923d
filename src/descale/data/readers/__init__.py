"""Readers of label formats. A new format is one module and one line in :data:`READERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from descale.data.description import Description
from descale.data.folders import Listing
from descale.data.readers.coco import read_coco
from descale.data.readers.colour_masks import read_colour_masks
from descale.data.readers.id_masks import read_id_masks
from descale.data.readers.labelme import read_labelme
from descale.data.readers.yolo import read_yolo

Reader = Callable[[Description, Path], Listing]

READERS: Mapping[str, Reader] = {
    "id-masks": read_id_masks,
    "colour-masks": read_colour_masks,
    "coco": read_coco,
    "yolo": read_yolo,
    "labelme": read_labelme,
}
"""Format name -> function that lists the pairs under a root."""
