"""A picture of which regions are read, so that a large photo never exists twice in memory.

Pillow decodes a JPEG as a whole, at 4 bytes per pixel. A second copy as a NumPy array is what would break
the memory limit; therefore tiles are cropped from the decoded photo one at a time, and EXIF
orientation is applied to the tiles.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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
        stored: tuple[int, int],
        orientation: int = 1,
        seconds: float = 0.0,
        detailed: Image.Image | None = None,
    ) -> None:
        """Args as in :class:`Picture`; ``image`` is RGB or L, not yet upright, ``detailed`` a larger one.

        ``stored`` is the height and width of the file's own pixels, before ``orientation``.
        """
        self._image: Image.Image | None = image
        self._detailed = detailed
        self._turn = _ORIENTATIONS.get(orientation, _ORIENTATIONS[1])
        self.name = name
        self.width, self.height = image.size[::-1] if self._turn[0] else image.size
        self.frame = stored[::-1] if self._turn[0] else stored
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


def share_of(scale: Scale, pixels: int) -> float:
    """The share of its resolution at which a photo of ``pixels`` is worked on."""
    return scale(pixels) if callable(scale) else scale
