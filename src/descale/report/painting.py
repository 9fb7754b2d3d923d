"""Predictions painted on a greyed photo, by colour and by pattern.

Hits, misses and false alarms differ by pattern as well as by colour, so that they can be told apart in
greyscale: solid, striped, dotted.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from descale.base.classes import IGNORED, ClassTable

SIDE = 232
PATTERNS = ("dotted", "striped", "solid")
HIT, MISS, FALSE = (255, 157, 46), (40, 105, 255), (255, 255, 255)

Pixels = NDArray[np.uint8]
Mask = NDArray[np.uint8]


def compared(photo: Pixels, truth: Mask, answer: Mask) -> Pixels:
    """Paint hits (solid), misses (striped) and false alarms (dotted) on a greyed photo ``(H, W, 3)``.

    Where the label says nothing, nothing is painted.
    """
    grey = photo.mean(axis=-1, keepdims=True) * 0.55 + 30
    canvas = np.repeat(grey, 3, axis=-1)
    stripes, dots = _patterns(truth.shape)
    labelled = truth != IGNORED
    corroded, said = labelled & (truth > 0), labelled & (answer > 0)
    _blend(canvas, corroded & said, HIT, 0.72)
    _blend(canvas, corroded & ~said, MISS, 0.35)
    _blend(canvas, corroded & ~said & stripes, MISS, 0.95)
    _blend(canvas, said & ~corroded, FALSE, 0.25)
    _blend(canvas, said & ~corroded & dots, FALSE, 1.0)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def painted(photo: Pixels, mask: Mask, classes: ClassTable) -> Pixels:
    """Paint class ids on a greyed photo: each corrosion class with its colour and its own pattern."""
    canvas = np.repeat(photo.mean(axis=-1, keepdims=True) * 0.6 + 40, 3, axis=-1)
    stripes, dots = _patterns(mask.shape)
    patterns = {"dotted": dots, "striped": stripes, "solid": np.ones(mask.shape, dtype=bool)}
    for index, class_id in enumerate(range(1, len(classes))):
        area = mask == class_id
        colour = classes.colours[class_id]
        _blend(canvas, area, colour, 0.3)
        _blend(canvas, area & patterns[PATTERNS[index % 3]], colour, 0.9)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def data_uri(image: Pixels) -> str:
    """A picture as a JPEG data URI, at most 232 pixels wide or high."""
    picture = Image.fromarray(image)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _patterns(shape: tuple[int, ...]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    rows, columns = np.indices(shape[:2])
    period = max(4, shape[1] // 32)
    stripes = (rows + columns) % period < period / 2
    dots = (rows % period < period / 2) & (columns % period < period / 2)
    return stripes, dots


def _blend(
    canvas: NDArray[np.floating], area: NDArray[np.bool_], colour: Sequence[int], strength: float
) -> None:
    canvas[area] = (1 - strength) * canvas[area] + strength * np.asarray(colour, dtype=np.float64)
