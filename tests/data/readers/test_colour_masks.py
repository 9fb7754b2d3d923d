"""Colour masks: colours, palettes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.data.readers.writers import expected_mask, only_mask, write_colours

from descale.base.errors import DataError
from descale.data import load_dataset


def test_a_colour_outside_the_palette(tmp_path: Path) -> None:
    write_colours(tmp_path)
    path = tmp_path / "train/masks/a.png"
    picture = np.array(Image.open(path))
    picture[0, :3] = (12, 13, 14)
    Image.fromarray(picture).save(path)
    with pytest.raises(DataError, match=r"1 colour outside the palette on 3 pixels: \(12, 13, 14\)"):
        only_mask(load_dataset(tmp_path))


def test_red_and_blue_exchanged_is_named(tmp_path: Path) -> None:
    write_colours(tmp_path)
    path = tmp_path / "train/masks/a.png"
    Image.fromarray(np.array(Image.open(path))[..., ::-1]).save(path)
    with pytest.raises(DataError, match="RGB, not BGR"):
        only_mask(load_dataset(tmp_path))


def test_palette_pictures_are_read_by_colour(tmp_path: Path) -> None:
    write_colours(tmp_path)
    path = tmp_path / "train/masks/a.png"
    Image.open(path).quantize(8).save(path)
    assert (only_mask(load_dataset(tmp_path)) == expected_mask()).all()
