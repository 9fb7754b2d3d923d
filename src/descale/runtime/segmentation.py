"""What the segmenter returns for one photo."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from descale.base.classes import ClassTable

LARGE_PIXELS = 50_000_000
"""Above this many pixels memory comes before speed."""

_ROWS_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Classes of a photo's pixels.

    Attributes:
        classes: meaning of the mask's values.
        mask: uint8 (h, w), class ids, at the working scale.
        confidence: 0..1, mean probability of the class that was chosen, over every 4th pixel of
            every 4th row.
        frame: height and width of the photo itself; differs from the mask's with a scale below 1.
        engine: that ran the network.
        patches_left_out: that were too unsure, by the bundle's ``patch_confidence``.
        seconds: by step (``decode``, ``prepare``, ``infer``, ``decide``), summed over threads.
    """

    classes: ClassTable
    mask: NDArray[np.uint8]
    confidence: float
    frame: tuple[int, int]
    engine: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    patches_left_out: int = 0

    @property
    def photo_pixels_per_pixel(self) -> float:
        """How many pixels of the photo one pixel of the mask stands for: 1 at full scale."""
        return self.frame[0] * self.frame[1] / self.mask.size

    def counts(self) -> tuple[int, ...]:
        """Number of pixels of each class. By strips: NumPy's own count would take 8 bytes per pixel."""
        totals = np.zeros(len(self.classes), np.int64)
        for top in range(0, self.mask.shape[0], _ROWS_AT_ONCE):
            strip = self.mask[top : top + _ROWS_AT_ONCE]
            totals += [np.count_nonzero(strip == number) for number in range(len(self.classes))]
        return tuple(int(total) for total in totals)

    def corrosion(self) -> NDArray[np.bool_]:
        """bool (h, w): pixels of any class that counts as corrosion."""
        if len(self.classes) == 2 and self.classes.corrosion_ids == (1,):
            return self.mask.view(np.bool_)  # ids 0 and 1 are booleans as they stand: no copy
        first, *others = self.classes.corrosion_ids
        result = self.mask == first
        for number in others:
            np.logical_or(result, self.mask == number, out=result)
        return result

    def full_mask(self) -> NDArray[np.uint8]:
        """uint8 (H, W): the mask in the frame of the photo, enlarged by nearest neighbour if need be."""
        if self.mask.shape == self.frame:
            return self.mask
        image = Image.fromarray(self.mask)
        return np.asarray(image.resize(self.frame[::-1], Image.Resampling.NEAREST))


class MaskRows:
    """Collects blocks of class ids, strip by strip.

    A large mask is kept compressed until :meth:`assemble`, since the photo is still in memory: 200
    megapixels take 800 MB decoded, and the limit for all is 1 GB.
    """

    def __init__(self, height: int, width: int) -> None:
        """Args: size of the mask, pixels."""
        self._shape = (height, width)
        self._whole = np.empty((height, width), np.uint8) if height * width <= LARGE_PIXELS else None
        self._strip = np.empty((0, 0), np.uint8)
        self._top = 0
        self._packed: list[tuple[int, bytes]] = []

    def put(self, top: int, left: int, ids: NDArray[np.uint8]) -> None:
        """Add a block; blocks come row by row, those of a row all with the same height."""
        height, width = ids.shape
        if self._whole is not None:
            self._whole[top : top + height, left : left + width] = ids
            return
        if left == 0:
            self._close_strip()
            self._top = top
            if self._strip.shape[0] != height:
                self._strip = np.empty((height, self._shape[1]), np.uint8)
        self._strip[:, left : left + width] = ids

    def assemble(self) -> NDArray[np.uint8]:
        """uint8 (H, W). Called once, when the photo's memory is free again."""
        if self._whole is not None:
            return self._whole
        self._close_strip()
        mask = np.empty(self._shape, np.uint8)
        for top, packed in self._packed:
            rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(-1, self._shape[1])
            mask[top : top + len(rows)] = rows
        self._packed.clear()
        return mask

    def _close_strip(self) -> None:
        if self._strip.size:
            self._packed.append((self._top, zlib.compress(self._strip.data, 1)))
