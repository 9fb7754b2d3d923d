"""Mask files that hold more, or something else, than one picture of class ids."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from tests.data.conftest import MakeSet, mask_in

from descale.base.errors import DataError


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


def tiff_of(path: Path, values: np.ndarray) -> None:
    """What scientific tools write and Pillow does not: one strip of plain numbers of any type."""
    height, width = values.shape
    data = values.tobytes()
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    tags = {256: width, 257: height, 258: 8 * values.itemsize, 259: 1, 262: 1, 273: 8, 277: 1, 278: height}
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()]
    entries += [struct.pack("<HHII", 279, 4, 1, len(data)), struct.pack("<HHII", 339, 4, 1, kind)]
    head = b"II*\0" + struct.pack("<I", 8 + len(data))
    path.write_bytes(head + data + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))


@pytest.mark.parametrize("form", ["id-masks", "colour-masks"])
@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("float64", "64-bit floating-point numbers"),
        ("float16", "16-bit floating-point numbers"),
        ("int64", "64-bit signed whole numbers"),
        ("uint64", "64-bit whole numbers"),
    ],
)
def test_numbers_that_are_not_read_are_named_with_a_lossless_remedy(
    make_set: MakeSet, form: str, kind: str, named: str
) -> None:
    root = make_set()
    (root / "dataset.yaml").write_text(f"format: {form}\n")
    path = root / "train/masks/000.png"
    values = np.array(Image.open(path)).astype(kind)
    path.unlink()
    tiff_of(path.with_suffix(".tif"), values)
    with pytest.raises(DataError, match=rf"000\.tif: {named}, which are not read\. Save .* as PNG") as caught:
        mask_in(root)
    assert "JPEG" not in str(caught.value)


@pytest.mark.parametrize("head", [b"no picture", b"II*\0\xff\xff\xff\x7f", b"\x89PNG\r\n\x1a\nrest", b"8BPS"])
def test_the_remedy_for_a_broken_mask_is_never_jpeg(make_set: MakeSet, head: bytes) -> None:
    root = make_set()
    (root / "train/masks/000.png").write_bytes(head)
    with pytest.raises(DataError, match=r"000\.png: ") as caught:
        mask_in(root)
    assert "JPEG" not in str(caught.value)
