"""Small data sets made by code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from descale.data import load_dataset
from descale.data.check import CheckReport

HEIGHT, WIDTH = 40, 60
BOX = ((6.0, 10.0), (31.0, 10.0), (31.0, 30.0), (6.0, 30.0))
"""An outline in a photo of that size."""
MakeSet = Callable[..., Path]


def photo_of(seed: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """A picture like no other: soft random blobs."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((size[1], size[0]), Image.Resampling.BICUBIC))


def mask_of(seed: int, values: tuple[int, ...] = (0, 255), size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """Random blocks of the values; each occurs."""
    blocks = np.random.default_rng(seed).choice(values, (6, 8)).astype(np.uint8)
    blocks.ravel()[: len(values)] = values
    return np.asarray(Image.fromarray(blocks).resize((size[1], size[0]), Image.Resampling.NEAREST))


def coco(root: Path, ring: Any, *, stray: bool = False, encoding: str = "utf-8", **changes: Any) -> Path:
    (root / "train").mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo_of(0, (HEIGHT, WIDTH))).save(root / "train/a.png")
    flat = [value for point in ring for value in point]
    content = {
        "images": [{"id": 0, "file_name": "a.png", "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": 1, "name": "corrosion"}],
        "annotations": [
            {"id": 5, "image_id": 0, "category_id": 1, "segmentation": [flat, flat[:4]] if stray else [flat]}
            | changes
        ],
    }
    (root / "train/_annotations.coco.json").write_text(json.dumps(content), encoding=encoding)
    return root


def labelme(root: Path, *, encoding: str = "utf-8", **changes: Any) -> Path:
    (root / "train").mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo_of(0, (HEIGHT, WIDTH))).save(root / "train/a.png")
    shape = {"label": "corrosion", "points": BOX, "shape_type": "polygon"} | changes
    content = {"shapes": [shape], "imageHeight": HEIGHT, "imageWidth": WIDTH}
    (root / "train/a.json").write_text(json.dumps(content), encoding=encoding)
    (root / "dataset.yaml").write_text("format: labelme\n", encoding=encoding)
    return root


def mask_in(root: Path) -> np.ndarray:
    return load_dataset(root).samples[0].read_mask()


def items(report: CheckReport, kind: str) -> tuple[str, ...]:
    return next((found.items for found in report.findings if found.kind == kind), ())


@pytest.fixture
def make_set(tmp_path: Path) -> MakeSet:
    """Write an id-mask set in the common layout; returns its folder."""

    def write(
        name: str = "steel", *, values: tuple[int, ...] = (0, 255), counts: tuple[int, int, int] = (4, 2, 2)
    ) -> Path:
        root = tmp_path / name
        number = 0
        for split, count in zip(("train", "valid", "test"), counts, strict=True):
            (root / split / "images").mkdir(parents=True)
            (root / split / "masks").mkdir()
            for _ in range(count):
                Image.fromarray(photo_of(number)).save(root / split / "images" / f"{number:03d}.png")
                Image.fromarray(mask_of(number, values)).save(root / split / "masks" / f"{number:03d}.png")
                number += 1
        return root

    return write
