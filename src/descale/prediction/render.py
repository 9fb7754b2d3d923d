"""Masks and overlays as image files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from descale.base.classes import ClassTable
from descale.base.files import replacing_file
from descale.runtime.segmentation import Segmentation

OPACITY = 0.45
JPEG_QUALITY = 85
_ROWS_AT_ONCE = 256
_GREY, _PALETTE = 0, 3  # colour types of a PNG


def write_id_mask(path: Path, mask: NDArray[np.uint8]) -> None:
    """Write uint8 (H, W) as an 8-bit grey PNG whose values are the class ids."""
    _write_png(path, mask, depth=8, colour_type=_GREY)


def write_colour_mask(path: Path, mask: NDArray[np.uint8], classes: ClassTable) -> None:
    """Write uint8 (H, W) as a palette PNG in the colours of the class table: of two, 1 bit a pixel."""
    depth = 1 if len(classes) == 2 else 8
    palette = bytes(value for colour in classes.colours for value in colour)
    _write_png(path, mask, depth=depth, colour_type=_PALETTE, palette=palette)


def _write_png(
    path: Path, mask: NDArray[np.uint8], *, depth: int, colour_type: int, palette: bytes = b""
) -> None:
    """Write uint8 (H, W) with 1 or 8 bits a pixel.

    Pillow tries five filters on every row of a grey PNG and packs the bits of a palette one by one, which
    takes several times as long as the rest and gains nothing on a mask; hence these few lines.
    """
    height, width = mask.shape
    packer = zlib.compressobj(1)
    with replacing_file(path) as temporary, temporary.open("wb") as stream:
        stream.write(b"\x89PNG\r\n\x1a\n")
        _chunk(stream.write, b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
        if palette:
            _chunk(stream.write, b"PLTE", palette)
        row_bytes = -(-width * depth // 8)
        rows = np.zeros((_ROWS_AT_ONCE, 1 + row_bytes), np.uint8)  # a leading 0 per row: no filter
        for top in range(0, height, _ROWS_AT_ONCE):
            part = mask[top : top + _ROWS_AT_ONCE]
            rows[: len(part), 1:] = np.packbits(part, axis=1) if depth == 1 else part
            packed = packer.compress(rows[: len(part)].tobytes())
            if packed:
                _chunk(stream.write, b"IDAT", packed)
        _chunk(stream.write, b"IDAT", packer.flush())
        _chunk(stream.write, b"IEND", b"")


def _chunk(write: object, kind: bytes, content: bytes) -> None:
    assert callable(write)
    write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content)))


def reduced(preview: Image.Image, longest: int) -> Image.Image:
    """A preview reduced by a whole factor to a longest side near ``longest``."""
    factor = max(1, round(max(preview.size) / longest))
    return preview if factor == 1 else preview.reduce(factor)


def bare(picture: Image.Image) -> Image.Image:
    """A copy without what the photo's header said, which Pillow would write again: comments, XMP."""
    copy = picture.copy()
    copy.info = {}
    return copy


def overlaid(preview: Image.Image, segmentation: Segmentation) -> Image.Image:
    """A copy of the preview with the colours of all classes but the first laid over it, and no header."""
    small = Image.fromarray(segmentation.mask).resize(preview.size, Image.Resampling.NEAREST)
    picture = bare(preview)
    for number in range(1, len(segmentation.classes)):
        opacity = small.point([round(255 * OPACITY) if value == number else 0 for value in range(256)])
        picture.paste(segmentation.classes.colours[number], mask=opacity)
    return picture


def write_overlay(path: Path, preview: Image.Image, segmentation: Segmentation) -> None:
    """Write the preview with the colours of all classes but the first laid over it, as JPEG."""
    with replacing_file(path) as temporary:
        overlaid(preview, segmentation).save(temporary, "JPEG", quality=JPEG_QUALITY)
