"""A picture of which regions are read, so that a large photo never exists twice in memory.

Pillow decodes a JPEG as a whole, at 4 bytes per pixel. A second copy as a NumPy array is what would break
the memory limit; therefore tiles are cropped from the decoded photo one at a time, and EXIF
orientation is applied to the tiles.
"""

from __future__ import annotations

import time
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
        """The picture reduced by a whole factor to a longest side near ``longest``."""
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
    ) -> None:
        """Args as in :class:`Picture`; ``image`` is RGB or L, not yet upright."""
        self._image: Image.Image | None = image
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
        small = self._pixels().reduce(max(1, round(max(self.height, self.width) / longest)))
        if small.mode == "RGB" and self._turn == _ORIENTATIONS[1]:
            return small
        return Image.fromarray(self._upright(small))

    def release(self) -> None:
        self._image = None

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
        self, pixels: NDArray[np.uint8], name: str, *, frame: tuple[int, int], seconds: float = 0.0
    ) -> None:
        """Args as in :class:`Picture`; ``pixels`` is uint8 (H, W, 3), RGB."""
        self._pixels: NDArray[np.uint8] | None = pixels
        self.name = name
        self.height, self.width = pixels.shape[:2]
        self.frame = frame
        self.seconds = seconds

    def region(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        return self._all()[top:bottom, left:right]

    def preview(self, longest: int) -> Image.Image:
        factor = max(1, round(max(self.height, self.width) / longest))
        return Image.fromarray(np.ascontiguousarray(self._all())).reduce(factor)

    def release(self) -> None:
        self._pixels = None

    def _all(self) -> NDArray[np.uint8]:
        if self._pixels is None:
            raise RuntimeError(f"{self.name} was released")
        return self._pixels


def open_picture(
    source: Source, *, scale: float = 1.0, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> Picture:
    """Decode a photo, or wrap an array, at ``scale`` of its size.

    A JPEG at a scale of 1/2, 1/4 or 1/8 and below is decoded at that resolution, which saves
    time and memory; the rest of the way is an antialiased resize.

    Args:
        source: a file, a binary stream, or uint8 (H, W, 3) RGB.
        scale: above 0, up to 1.
        max_pixels: larger files are refused before they are decoded.
        name: for messages; by default the file's.

    Raises:
        DataError: the file cannot be read as a photo, or the array has another shape or type.
        ConfigError: ``scale`` is out of range.
    """
    if not 0 < scale <= 1:
        raise ConfigError(f"scale {scale} is not above 0 and up to 1. For half the resolution use 0.5.")
    start = time.perf_counter()
    if isinstance(source, np.ndarray):
        return _from_array(source, name or "array", scale, start)
    path = Path(source) if isinstance(source, str) else source
    name = name or photo_name(path)
    with reading(path, max_pixels=max_pixels) as image:
        width, height = image.size
        target = (max(1, round(width * scale)), max(1, round(height * scale)))
        if scale < 1 and image.format == "JPEG":
            image.draft(None, target)
        image.load()
        orientation = int(image.getexif().get(_ORIENTATION_TAG, 1))
        plain = image.mode in ("RGB", "L") and "transparency" not in image.info
        decoded = image if plain else as_rgb(image, name)
        if decoded.size != target:
            decoded = decoded.resize(target, Image.Resampling.BILINEAR, reducing_gap=2.0)
        elif decoded is image:
            decoded = _detached(image)
    turned = _ORIENTATIONS.get(orientation, _ORIENTATIONS[1])[0]
    return FilePicture(
        decoded,
        name,
        frame=(width, height) if turned else (height, width),
        orientation=orientation,
        seconds=time.perf_counter() - start,
    )


def _from_array(pixels: NDArray[np.uint8], name: str, scale: float, start: float) -> ArrayPicture:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise DataError(
            f"{name}: an array of type {pixels.dtype} and shape {pixels.shape}; "
            "the segmenter takes uint8 of shape (height, width, 3), RGB."
        )
    height, width = pixels.shape[:2]
    if scale < 1:
        target = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = Image.fromarray(np.ascontiguousarray(pixels))
        pixels = np.asarray(image.resize(target, Image.Resampling.BILINEAR, reducing_gap=2.0))
    return ArrayPicture(pixels, name, frame=(height, width), seconds=time.perf_counter() - start)


def _detached(image: Image.Image) -> Image.Image:
    # The file is closed when the reading ends. Pillow keeps the decoded pixels of a loaded image, but
    # not those of a file with several frames; a crop of the whole would cost a second copy.
    return image.copy() if getattr(image, "n_frames", 1) > 1 else image
