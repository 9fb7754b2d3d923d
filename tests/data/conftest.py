"""Small data sets made by code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
