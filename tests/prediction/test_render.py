"""Masks read back as they were; overlays show the patches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.runtime.tiny_networks import FOUR

from descale.base.classes import ClassTable
from descale.prediction.render import write_colour_mask, write_id_mask, write_overlay
from descale.runtime import BINARY, Segmentation


@pytest.mark.parametrize("shape", [(1, 1), (300, 7), (513, 260)])
def test_id_mask(tmp_path: Path, shape: tuple[int, int]) -> None:
    mask = np.random.default_rng(0).integers(0, 4, shape).astype(np.uint8)
    write_id_mask(tmp_path / "m.png", mask)
    with Image.open(tmp_path / "m.png") as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.asarray(image), mask)


@pytest.mark.parametrize("classes", [BINARY, FOUR], ids=len)
@pytest.mark.parametrize("shape", [(1, 1), (300, 16), (513, 33)])
def test_colour_mask(tmp_path: Path, classes: ClassTable, shape: tuple[int, int]) -> None:
    mask = np.random.default_rng(0).integers(0, len(classes), shape).astype(np.uint8)
    write_colour_mask(tmp_path / "m.png", mask, classes)
    with Image.open(tmp_path / "m.png") as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), mask)
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), np.array(classes.colours)[mask])


def test_overlay(tmp_path: Path) -> None:
    mask = np.zeros((100, 200), np.uint8)
    mask[:, 100:] = 1
    preview = Image.new("RGB", (100, 50), (10, 200, 10))
    write_overlay(tmp_path / "o.jpg", preview, Segmentation(BINARY, mask, 1.0, (100, 200), "e"))
    with Image.open(tmp_path / "o.jpg") as image:
        assert image.size == (100, 50)
        left, right = (np.array(image.getpixel((x, 25)), float) for x in (20, 80))
    np.testing.assert_allclose(left, (10, 200, 10), atol=6)
    wanted = 0.55 * np.array((10, 200, 10)) + 0.45 * np.array(BINARY.colours[1])
    np.testing.assert_allclose(right, wanted, atol=6)
    assert preview.getpixel((80, 25)) == (10, 200, 10), "the preview itself is left alone"
