"""Outlines to pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Points = tuple[tuple[float, float], ...]

FARTHEST = 1e6
"""Coordinates beyond this many pixels are damage, not outlines."""


@dataclass(frozen=True)
class Outline:
    """A closed polygon of one class; ``points`` are (x, y), continuous, in the label's own frame."""

    class_id: int
    points: Points


def rasterise(
    outlines: Iterable[Outline], frame: tuple[float, float], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Fill outlines in their order, later over earlier, on a background of 0.

    Args:
        outlines: polygons with at least 3 points.
        frame: height and width of the frame in which the points were drawn.
        size: height and width of the result; the points are scaled from ``frame`` to it.

    Returns:
        class ids, uint8 (H, W).
    """
    picture = Image.new("L", (size[1], size[0]), 0)
    pen = ImageDraw.Draw(picture)
    scale_x, scale_y = size[1] / frame[1], size[0] / frame[0]
    for outline in outlines:
        pen.polygon([(x * scale_x, y * scale_y) for x, y in outline.points], fill=outline.class_id)
    return np.array(picture, dtype=np.uint8)


def shrink_labels(mask: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize an id mask by taking the pixel at the upper left of each cell (OpenCV's nearest).

    Labels drawn in a large frame and published with smaller photos were made this way; sampling at
    the middle of the cells instead disagrees with them by half a pixel along every border.

    >>> shrink_labels(np.array([[1, 2], [3, 4]], dtype=np.uint8), (1, 1)).tolist()
    [[1]]
    """
    rows = np.arange(size[0]) * mask.shape[0] // size[0]
    columns = np.arange(size[1]) * mask.shape[1] // size[1]
    return mask[rows[:, None], columns]


def pairs(numbers: Iterable[float]) -> Points:
    """x1 y1 x2 y2 ... as points.

    Raises:
        ValueError: an odd number of them, not a number, or a coordinate that no picture has.

    >>> pairs([0, 0, 1, 0.5])
    ((0.0, 0.0), (1.0, 0.5))
    """
    values = [float(number) for number in numbers]
    if not all(abs(value) < FARTHEST for value in values):
        raise ValueError("a coordinate is not finite or far outside any picture")
    return tuple(zip(values[::2], values[1::2], strict=True))
