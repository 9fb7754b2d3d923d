"""Open a photo or an array as a picture, decoded at the resolution at which it is worked on."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from descale.base.errors import ConfigError, DataError
from descale.base.photo import MAX_PIXELS, as_rgb, orientation_of, photo_name, reading
from descale.runtime.picture import ArrayPicture, FilePicture, Picture, Scale, Source, share_of

DRAFTED = ("JPEG", "MPO")
"""Formats that can be decoded smaller; MPO is a JPEG with a second one behind it, as many cameras write."""


def open_picture(
    source: Source,
    *,
    scale: Scale = 1.0,
    detail: int = 0,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
) -> Picture:
    """Decode a photo, or wrap an array, at ``scale`` of its size.

    A JPEG that is wanted at 1/2, 1/4, or 1/8 of its size or less is decoded at that resolution, which saves
    time and memory; the rest of the way is an antialiased resize.

    Args:
        source: a file, a binary stream, or uint8 (H, W, 3) RGB.
        scale: above 0, up to 1, or what gives it for the photo's number of pixels.
        detail: longest side of the preview that will be asked for, pixels; 0 without one.
        max_pixels: larger files are refused before they are decoded.
        name: for messages; by default the file's.

    Raises:
        DataError: the file cannot be read as a photo, or the array has another shape or type.
        ConfigError: ``scale`` is out of range.
    """
    start = time.perf_counter()
    if isinstance(source, np.ndarray):
        return _from_array(source, name or "array", scale, detail, start)
    path = Path(source) if isinstance(source, str) else source
    name = name or photo_name(path)
    with reading(path, max_pixels=max_pixels) as image:
        if image.format not in DRAFTED:
            image.load()  # some are turned upright by this, and only now tell their size
        width, height = image.size
        target = _target(width, height, scale)
        if target != image.size and image.format in DRAFTED:
            image.draft(None, _least(image.size, target, detail))
        image.load()
        orientation = orientation_of(image)
        plain = image.mode in ("RGB", "L") and "transparency" not in image.info
        whole = image if plain else as_rgb(image, name)
        detailed = None
        if whole.size == target:
            decoded = _detached(image) if whole is image else whole
        else:
            decoded = whole.resize(target, Image.Resampling.BILINEAR, reducing_gap=2.0)
            if detail > max(target):
                detailed = _detached(image) if whole is image else whole
    return FilePicture(
        decoded,
        name,
        stored=(height, width),
        orientation=orientation,
        seconds=time.perf_counter() - start,
        detailed=detailed,
    )


def decoded_pixels(source: Path | BinaryIO, *, scale: Scale, detail: int, max_pixels: int) -> int:
    """How many pixels are in memory, about, while :func:`open_picture` opens this file, from its header.

    A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that is enough; every other format whole.

    Raises:
        DataError: as :func:`open_picture`.
        ConfigError: ``scale`` is out of range.
    """
    with reading(source, max_pixels=max_pixels) as image:
        target = _target(image.width, image.height, scale)
        if target != image.size and image.format in DRAFTED:
            image.draft(None, _least(image.size, target, detail))
        return image.width * image.height


def _least(size: tuple[int, int], target: tuple[int, int], detail: int) -> tuple[int, int]:
    """Width and height that must be decoded: the preview is reduced by a whole factor, and what it would drop
    need not be there."""
    factor = max(1, round(max(size) / detail)) if detail else max(size)
    return max(target[0], math.ceil(size[0] / factor)), max(target[1], math.ceil(size[1] / factor))


def _target(width: int, height: int, scale: Scale) -> tuple[int, int]:
    """Width and height at the working scale."""
    share = share_of(scale, width * height)
    if not 0 < share <= 1:
        raise ConfigError(f"scale {share} is not above 0 and up to 1. For half the resolution use 0.5.")
    return max(1, round(width * share)), max(1, round(height * share))


def _from_array(
    pixels: NDArray[np.uint8], name: str, scale: Scale, detail: int, start: float
) -> ArrayPicture:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise DataError(
            f"{name}: an array of type {pixels.dtype} and shape {pixels.shape}; "
            "the segmenter takes uint8 of shape (height, width, 3), RGB."
        )
    height, width = pixels.shape[:2]
    target = _target(width, height, scale)
    detailed = None
    if target != (width, height):
        image = Image.fromarray(np.ascontiguousarray(pixels))
        detailed = pixels if detail > max(target) else None
        pixels = np.asarray(image.resize(target, Image.Resampling.BILINEAR, reducing_gap=2.0))
    seconds = time.perf_counter() - start
    return ArrayPicture(pixels, name, frame=(height, width), seconds=seconds, detailed=detailed)


def _detached(image: Image.Image) -> Image.Image:
    # The file is closed when the reading ends. Pillow keeps the decoded pixels of a loaded image, but
    # not those of a file with several frames; a crop of the whole would cost a second copy.
    return image.copy() if getattr(image, "n_frames", 1) > 1 else image
