"""Photos that show parts of one another are found in two splits, others are not."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from descale.data.check import check_dataset, overlaps
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


def hidden(number: int) -> str:
    """A name that tells nothing."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:12]


def test_a_grid_of_tiles_is_found_whatever_its_names(tmp_path: Path) -> None:
    picture = wall(3, 64 + 3 * 32, 64 + 11 * 32)
    places = [(y, x) for y in range(0, 128, 32) for x in range(0, 384, 32)]
    windows = {hidden(i): picture[y : y + 64, x : x + 64] for i, (y, x) in enumerate(places)}
    count, refused = pairs(write(tmp_path, windows, [SPLITS[i % 5] for i in range(len(places))]))
    neighbours = sum(
        abs(y - v) + abs(x - u) == 32 and SPLITS[i % 5] != SPLITS[j % 5]
        for i, (y, x) in enumerate(places)
        for j, (v, u) in enumerate(places[:i])
    )
    assert count >= 0.9 * neighbours > 30
    assert refused


def test_of_large_sets_photos_are_compared_with_those_next_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = wall(0, 64, 64 + 32)
    windows = {f"{i:02d}": wall(i + 1, 64, 64) for i in range(1, 20)}
    windows |= {name: picture[:, x : x + 64] for name, x in (("00", 0), ("05", 32), ("19", 32))}
    root = write(tmp_path, dict(sorted(windows.items())), ["train"] + ["valid"] * 19)
    assert pairs(root)[0] == 2
    monkeypatch.setattr(overlaps, "NEAREST", 6)
    assert pairs(root)[0] == 1


@pytest.mark.parametrize("bar", [6, 14, 20])
def test_bars_around_photos_are_not_what_they_have_in_common(tmp_path: Path, bar: int) -> None:
    windows = {f"photo-{i:03d}": wall(i, 64, 64).copy() for i in range(30)}
    for window in windows.values():
        window[:bar] = window[64 - bar :] = 0
    assert pairs(write(tmp_path, windows, [SPLITS[i % 5] for i in range(30)])) == (0, False)


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


def test_the_rule_that_is_proposed_for_a_set_dealt_apart_keeps_them_together(tmp_path: Path) -> None:
    walls = [wall(i, 64, 64 + 7 * 24) for i in range(4)]
    windows = {f"site{i}_x{k:03d}": walls[i][:, 24 * k : 24 * k + 64] for i in range(4) for k in range(8)}
    write(tmp_path, windows, ["all"] * len(windows))
    described = "images: all/images\nlabels: all/masks\n"
    (tmp_path / "dataset.yaml").write_text(described)
    (found,) = (finding for finding in check_dataset(tmp_path).findings if finding.kind == KIND)
    proposed = re.search(r"'(groups: \{.*\})' keeps (\d+) of \2 pairs together", found.message)
    assert proposed
    assert found.falsifying
    (tmp_path / "dataset.yaml").write_text(f"{described}{proposed[1]}\n")
    assert pairs(tmp_path) == (0, False)


@pytest.mark.parametrize(("name", "step", "expected"), [("nea", 3, True), ("rust-photos", 4, False)])
def test_real_sets(shared_data: Path, tmp_path: Path, name: str, step: int, expected: bool) -> None:
    """NEA's published split deals the frames of one pan to all splits; rust-photos is split by runs.

    A share of each is read, for the time it takes.
    """
    photos = sorted((shared_data / name).glob("*/images/*"), key=lambda photo: photo.name)[::step]
    for photo in photos:
        for kind, suffix in (("images", ".jpg"), ("masks", ".png")):
            link = tmp_path / photo.parent.parent.name / kind / f"{photo.stem}{suffix}"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(photo.parent.parent / kind / link.name)
    count, refused = pairs(tmp_path)
    assert (count > 50, refused) == (expected, expected)
    assert expected or count == 0
