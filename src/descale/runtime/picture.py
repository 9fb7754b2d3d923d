"""A picture of which regions are read, so that a large photo never exists twice in memory.

Pillow decodes a JPEG as a whole, at 4 bytes per pixel. A second copy as a NumPy array is what would break
the memory limit; therefore tiles are cropped from the decoded photo one at a time, and EXIF
orientation is applied to the tiles.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from descale.errors import ConfigError, DataError
from descale.runtime.photo import MAX_PIXELS, as_rgb, photo_name, reading

_ORIENTATION_TAG = 274
# EXIF orientation -> (transposed, then flipped top to bottom, flipped left to right)
_ORIENTATIONS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}

Source = NDArray[np.uint8] | Path | str | BinaryIO
Scale = float | Callable[[int], float]
"""Share of a photo's resolution, above 0 and up to 1, or what gives it for a number of pixels."""


class Picture(Protocol):
    """What the segmenter reads from.

    Attributes:
        name: for messages.
        height, width: at the working scale, pixels.
        frame: height and width of the photo itself, upright, pixels.
        seconds: that decoding took.
    """

    name: str
    height: int
    width: int
    frame: tuple[int, int]
    seconds: float

    def region(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        """Pixels of rows ``top..bottom`` and columns ``left..right``: uint8 (bottom-top, right-left, 3)."""
        ...

    def preview(self, longest: int) -> Image.Image:
        """The photo reduced by a whole factor to a longest side near ``longest``, once.

        With a scale below 1 it is no larger than the ``detail`` it was opened with.
        """
        ...

    def release(self) -> None:
        """Free the pixels; the picture cannot be read afterwards."""
        ...


class FilePicture:
    """A decoded Pillow image, read region by region."""

    def __init__(
        self,
        image: Image.Image,
        name: str,
        *,
        frame: tuple[int, int],
        orientation: int = 1,
        seconds: float = 0.0,
        detailed: Image.Image | None = None,
    ) -> None:
        """Args as in :class:`Picture`; ``image`` is RGB or L, not yet upright, ``detailed`` a larger one."""
        self._image: Image.Image | None = image
        self._detailed = detailed
        self._turn = _ORIENTATIONS.get(orientation, _ORIENTATIONS[1])
        self.name = name
        self.width, self.height = image.size[::-1] if self._turn[0] else image.size
        self.frame = frame
        self.seconds = seconds

    def region(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        transposed, upside_down, mirrored = self._turn
        if upside_down:
            top, bottom = self.height - bottom, self.height - top
        if mirrored:
            left, right = self.width - right, self.width - left
        box = (top, left, bottom, right) if transposed else (left, top, right, bottom)
        return self._upright(self._pixels().crop(box))

    def preview(self, longest: int) -> Image.Image:
        large = self._detailed or self._pixels()
        self._detailed = None
        small = large.reduce(max(1, round(max(large.size) / longest)))
        if small.mode == "RGB" and self._turn == _ORIENTATIONS[1]:
            return small
        return Image.fromarray(self._upright(small))

    def release(self) -> None:
        self._image = self._detailed = None

    def _pixels(self) -> Image.Image:
        if self._image is None:
            raise RuntimeError(f"{self.name} was released")
        return self._image

    def _upright(self, part: Image.Image) -> NDArray[np.uint8]:
        pixels: NDArray[np.uint8] = np.asarray(part if part.mode == "RGB" else part.convert("RGB"))
        transposed, upside_down, mirrored = self._turn
        if transposed:
            pixels = pixels.transpose(1, 0, 2)
        return pixels[:: -1 if upside_down else 1, :: -1 if mirrored else 1]


class ArrayPicture:
    """Pixels already in memory, for instance a frame of a video."""

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        name: str,
        *,
        frame: tuple[int, int],
        seconds: float = 0.0,
        detailed: NDArray[np.uint8] | None = None,
    ) -> None:
        """Args as in :class:`Picture`; ``pixels`` is uint8 (H, W, 3), RGB, ``detailed`` the same, larger."""
        self._pixels: NDArray[np.uint8] | None = pixels
        self._detailed = detailed
        self.name = name
        self.height, self.width = pixels.shape[:2]
        self.frame = frame
        self.seconds = seconds

    def region(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        return self._all()[top:bottom, left:right]

    def preview(self, longest: int) -> Image.Image:
        large = self._all() if self._detailed is None else self._detailed
        self._detailed = None
        return Image.fromarray(np.ascontiguousarray(large)).reduce(max(1, round(max(large.shape) / longest)))

    def release(self) -> None:
        self._pixels = self._detailed = None

    def _all(self) -> NDArray[np.uint8]:
        if self._pixels is None:
            raise RuntimeError(f"{self.name} was released")
        return self._pixels


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
        width, height = image.size
        target = _target(width, height, scale)
        if target != image.size and image.format == "JPEG":
            share = max(1.0, min(detail, max(image.size)) / max(target))
            image.draft(None, (math.ceil(share * target[0]), math.ceil(share * target[1])))
        image.load()
        orientation = int(image.getexif().get(_ORIENTATION_TAG, 1))
        plain = image.mode in ("RGB", "L") and "transparency" not in image.info
        whole = image if plain else as_rgb(image, name)
        detailed = None
        if whole.size == target:
            decoded = _detached(image) if whole is image else whole
        else:
            decoded = whole.resize(target, Image.Resampling.BILINEAR, reducing_gap=2.0)
            if detail > max(target):
                detailed = _detached(image) if whole is image else whole
    turned = _ORIENTATIONS.get(orientation, _ORIENTATIONS[1])[0]
    return FilePicture(
        decoded,
        name,
        frame=(width, height) if turned else (height, width),
        orientation=orientation,
        seconds=time.perf_counter() - start,
        detailed=detailed,
    )


def share_of(scale: Scale, pixels: int) -> float:
    """The share of its resolution at which a photo of ``pixels`` is worked on."""
    return scale(pixels) if callable(scale) else scale


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
