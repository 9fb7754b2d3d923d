"""Photos that show parts of one another are found in two splits, others are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from descale.data.check import check_dataset
from descale.synthesize import synthesize

KIND = "overlapping photos in two splits"
SPLITS = ("train", "train", "valid", "train", "test")


def wall(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """Blotches of every size."""
    random = np.random.default_rng(seed)
    total = np.zeros((height, width), np.float32)
    for cell in (64, 24, 8):
        small = random.integers(0, 255, (height // cell + 1, width // cell + 1), np.uint8)
        large = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(large.filter(ImageFilter.GaussianBlur(1)), np.float32)
    return (total / 3).astype(np.uint8)


def write(root: Path, windows: dict[str, NDArray[np.uint8]], splits: list[str]) -> Path:
    for (name, window), split in zip(windows.items(), splits, strict=True):
        for kind in ("images", "masks"):
            (root / split / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(window).convert("RGB").save(root / split / "images" / f"{name}.png")
        mask = np.zeros(window.shape, np.uint8)
        mask[:20, :20] = 255
        Image.fromarray(mask).save(root / split / "masks" / f"{name}.png")
    return root


def pairs(root: Path) -> tuple[int, bool]:
    """How many overlapping pairs the check finds, and whether it refuses the set for them."""
    for found in check_dataset(root).findings:
        if found.kind == KIND:
            return len(found.items), found.falsifying
    return 0, False


@pytest.mark.parametrize("step", [16, 24, 32], ids=["75 %", "62 %", "50 %"])
def test_tiles_and_frames_that_overlap_are_found(tmp_path: Path, step: int) -> None:
    picture = wall(0, 64, 64 + 19 * step)
    windows = {f"frame-{i:03d}": picture[:, i * step : i * step + 64] for i in range(20)}
    count, refused = pairs(write(tmp_path, windows, [SPLITS[i % 5] for i in range(20)]))
    assert count >= 8
    assert refused


def test_tiles_of_different_photos_are_not(tmp_path: Path) -> None:
    windows = {f"photo-{i:03d}": wall(i, 64, 64) for i in range(40)}
    assert pairs(write(tmp_path, windows, [SPLITS[i % 5] for i in range(40)])) == (0, False)


def test_tiles_that_only_touch_are_not(tmp_path: Path) -> None:
    picture = wall(0, 64, 64 * 20)
    windows = {f"tile-{i:03d}": picture[:, i * 64 : (i + 1) * 64] for i in range(20)}
    assert pairs(write(tmp_path, windows, [SPLITS[i % 5] for i in range(20)])) == (0, False)


def test_photos_of_one_split_may_overlap(tmp_path: Path) -> None:
    picture = wall(0, 64, 64 + 19 * 16)
    windows = {f"frame-{i:03d}": picture[:, i * 16 : i * 16 + 64] for i in range(20)}
    assert pairs(write(tmp_path, windows, ["train"] * 20)) == (0, False)


def test_drawn_photos_are_no_tiles_of_one_another(tmp_path: Path) -> None:
    assert pairs(synthesize(tmp_path / "drawn", count=60, size=(64, 64))) == (0, False)


@pytest.mark.parametrize(("name", "expected"), [("nea", True), ("rust-photos", False)])
def test_real_sets(shared_data: Path, name: str, expected: bool) -> None:
    """NEA's published split deals the frames of one pan to all splits; rust-photos is split by runs."""
    count, refused = pairs(shared_data / name)
    assert (count > 50, refused) == (expected, expected)
    assert expected or count == 0
