"""Colour masks: the colour of a pixel is its class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from descale.data.description import Description
from descale.data.folders import Listing
from descale.data.problems import UnknownClass
from descale.data.readers.mask_files import list_mask_files, read_colours
from descale.data.sample import Reading


@dataclass(frozen=True)
class ColourMask:
    """A mask file and its palette: pairs (colour as 0xRRGGBB, class id)."""

    path: Path
    values: tuple[tuple[int, int], ...]

    def read(self, size: tuple[int, int]) -> Reading:
        """The mask of a photo of ``size`` = (height, width).

        Raises:
            DataError: missing, broken, of another size, or a colour outside the palette.
        """
        colours = _packed(read_colours(self.path, size))
        codes = np.asarray([code for code, _ in self.values], dtype=np.uint32)
        ids = np.asarray([class_id for _, class_id in self.values], dtype=np.uint8)
        order = np.argsort(codes)
        place = np.clip(np.searchsorted(codes[order], colours), 0, len(codes) - 1)
        strange = codes[order][place] != colours
        if strange.any():
            raise UnknownClass(self._complaint(colours[strange]))
        return Reading(ids[order][place])

    def _complaint(self, strange: NDArray[np.uint32]) -> str:
        found, counts = np.unique(strange, return_counts=True)
        shown = ", ".join(_spell(int(code)) for code in found[np.argsort(-counts)][:4])
        message = (
            f"{self.path}: {len(found)} colour{'s' * (len(found) > 1)} outside the palette on {len(strange)} "
            f"pixels: {shown}. "
        )
        swapped = {(code & 0xFF) << 16 | (code & 0xFF00) | code >> 16 for code in found.tolist()}
        if swapped <= {code for code, _ in self.values}:
            return message + "They fit if red and blue are exchanged: the palette is RGB, not BGR."
        return message + (
            "Add the colour to the classes in dataset.yaml or, if it marks pixels without a label, to "
            "'ignore'; or mend the mask."
        )


def read_colour_masks(description: Description, root: Path) -> Listing:
    """Pairs of a colour-mask set.

    Raises:
        DataError: folders are missing.
    """
    palette = tuple(
        (red << 16 | green << 8 | blue, i) for (red, green, blue), i in description.palette.items()
    )
    return list_mask_files(
        root, description.images, description.labels, lambda path: ColourMask(path, palette)
    )


def _packed(picture: NDArray[np.integer]) -> NDArray[np.uint32]:
    packed = np.zeros(picture.shape[:2], np.uint32)
    for channel in range(3):  # one at a time: photos are large
        packed <<= 8
        packed |= picture[..., channel].astype(np.uint32)
    return packed


def _spell(code: int) -> str:
    return f"({code >> 16}, {code >> 8 & 255}, {code & 255})"
