"""Outlines to pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Points = tuple[tuple[float, float], ...]
Cell = TypeVar("Cell", np.uint8, np.bool_)

FARTHEST = 1e6
"""Coordinates beyond this many pixels are damage, not outlines."""

OUTSIDE = 0.05
"""Share of a side by which hand-drawn outlines run over the edge; farther out is another unit."""


@dataclass(frozen=True)
class Outline:
    """A closed polygon of one class; ``points`` are (x, y), continuous, in the label's own frame."""

    class_id: int
    points: Points


def has_area(outline: Points) -> bool:
    """Whether an outline has three points that do not lie on one line.

    >>> has_area(((0, 0), (4, 4), (2, 2))), has_area(((0, 0), (4, 4), (2, 2.5)))
    (False, True)
    """
    if len(outline) < 3:
        return False
    (x, y), *others = outline
    far_x, far_y = max(((a - x, b - y) for a, b in others), key=lambda side: math.hypot(*side))
    flat = 1e-9 * math.hypot(far_x, far_y) ** 2  # less is what rounding leaves
    return any(abs(far_x * (b - y) - far_y * (a - x)) > flat for a, b in others)


def farthest(outlines: Iterable[Points]) -> tuple[float, float] | None:
    """Largest x and y of all outlines; ``None`` if there are none."""
    points = [point for outline in outlines for point in outline]
    return (max(x for x, _ in points), max(y for _, y in points)) if points else None


def wrong_unit(
    outline: Points,
    frame: tuple[float, float],
    *,
    beside: Iterable[Points] = (),
    photo: tuple[float, float] | None = None,
) -> str | None:
    """Why an outline cannot be in pixels of its frame, with the unit that it seems to be in.

    Args:
        outline: (x, y) in what should be pixels.
        frame: height and width of the frame.
        beside: the other outlines of the photo; where they are in pixels, a speck in the corner is one.
        photo: height and width of the photo, if that may be larger than the frame: outlines may run over
            the edge by a pixel, and that of a small frame is much of the photo.

    >>> wrong_unit(((0.1, 0.2), (0.5, 0.2), (0.5, 0.9)), (480, 640))
    'all coordinates lie in 0..1: shares of width and height, not pixels'
    >>> wrong_unit(((10, 20), (1900, 20), (1900, 900)), (480, 640))
    'reaches to (1900, 900), beyond the 640 x 480 pixels: pixels of a larger picture'
    >>> wrong_unit(((0, 0), (640.4, 0), (640, 480)), (480, 640))
    """
    height, width = frame
    right, bottom = max(x for x, _ in outline), max(y for _, y in outline)
    left, top = min(x for x, _ in outline), min(y for _, y in outline)
    if max(right, bottom) <= 1.01 and min(left, top) >= -0.01 and min(frame) > 2:
        halves = all(float(2 * number).is_integer() for point in outline for number in point)
        if not (halves and any(max(map(max, other)) > 2 for other in beside)):
            return "all coordinates lie in 0..1: shares of width and height, not pixels"
    pixels = photo or frame
    over_x, over_y = (
        OUTSIDE * side + min(1, side / n) for side, n in ((width, pixels[1]), (height, pixels[0]))
    )
    if right <= width + over_x and bottom <= height + over_y and left >= -over_x and top >= -over_y:
        return None
    if min(left, top) < -max(over_x, over_y):
        reach, guess = (left, top), "another origin than the upper left corner"
    else:
        reach, guess = (right, bottom), guess_unit((right, bottom), frame)
    return f"reaches to ({reach[0]:g}, {reach[1]:g}), beyond the {width:g} x {height:g} pixels: {guess}"


def guess_unit(reach: tuple[float, float], frame: tuple[float, float]) -> str:
    """Units other than pixels of the frame whose outlines could reach that far, likeliest first.

    >>> guess_unit((0.9, 1.0), (480, 640))
    'shares of width and height'
    >>> guess_unit((99, 97), (480, 640))
    'percent of width and height'
    """
    height, width = frame
    right, bottom = reach
    inside = right <= width and bottom <= height
    if max(reach) <= 1.01:
        return "shares of width and height"
    guesses = []
    if max(reach) <= 101:
        guesses.append("percent of width and height")
    if not inside and right <= height and bottom <= width:
        guesses.append("x and y exchanged")
    if 101 < max(reach) <= 1001:
        guesses.append("thousandths of width and height")
    if not inside and max(reach) > 101:
        guesses.append("pixels of a larger picture")
    if inside and max(reach) > 101:
        guesses.append("pixels of a smaller picture")
    return " or ".join(guesses)


def rasterise(
    outlines: Iterable[Outline],
    frame: tuple[float, float],
    size: tuple[int, int],
    onto: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Fill outlines in their order, later over earlier, on a background of 0 or on what ``onto`` shows.

    Args:
        outlines: polygons with at least 3 points.
        frame: height and width of the frame in which the points were drawn.
        size: height and width of the result; the points are scaled from ``frame`` to it.

    Returns:
        class ids, uint8 (H, W).
    """
    picture = Image.new("L", (size[1], size[0]), 0) if onto is None else Image.fromarray(onto)
    pen = ImageDraw.Draw(picture)
    scale_x, scale_y = size[1] / frame[1], size[0] / frame[0]
    for outline in outlines:
        pen.polygon([(x * scale_x, y * scale_y) for x, y in outline.points], fill=outline.class_id)
    return np.array(picture, dtype=np.uint8)


def shrink_labels(mask: NDArray[Cell], size: tuple[int, int]) -> NDArray[Cell]:
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
