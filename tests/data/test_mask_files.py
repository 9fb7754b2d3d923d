"""Mask files that hold more, or something else, than one picture of class ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from tests.data.conftest import MakeSet

from descale.base.errors import DataError
from descale.data import load_dataset


def mask_in(root: Path) -> np.ndarray:
    return load_dataset(root).samples[0].read_mask()


@pytest.mark.parametrize("form", ["id-masks", "colour-masks"])
@pytest.mark.parametrize("ending", [".tif", ".png"])
def test_a_mask_of_several_pages_is_refused(make_set: MakeSet, form: str, ending: str) -> None:
    root = make_set()
    (root / "dataset.yaml").write_text(f"format: {form}\n")
    path = root / "train/masks/000.png"
    mask = Image.open(path).convert("RGB" if form == "colour-masks" else "L")
    path.unlink()
    pages = [mask, Image.new(mask.mode, mask.size), Image.new(mask.mode, mask.size, 1)]
    pages[0].save(path.with_suffix(ending), save_all=True, append_images=pages[1:])
    with pytest.raises(DataError, match=rf"000\{ending}: 3 pages, and only one can be the mask\. Save that"):
        mask_in(root)


def test_smaller_copies_for_zooming_are_no_pages(make_set: MakeSet) -> None:
    root = make_set()
    path = root / "train/masks/000.png"
    mask = Image.open(path)
    expected = np.array(mask) // 255
    path.unlink()
    small = mask.resize((32, 24), Image.Resampling.NEAREST)
    small.encoderinfo = {"tiffinfo": ImageFileDirectory_v2()}
    small.encoderinfo["tiffinfo"][254] = 1
    mask.save(path.with_suffix(".tif"), save_all=True, append_images=[small])
    with Image.open(path.with_suffix(".tif")) as stored:
        assert stored.n_frames == 2  # type: ignore[attr-defined]
    assert (mask_in(root) == expected).all()
