"""The share of a photo's resolution at which the network sees things as large as in its training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from descale.runtime.picture import Scale


def training_pixels(provenance: Mapping[str, Any]) -> float | None:
    """Area of the network's input in training, pixels; ``None`` if the bundle does not tell."""
    size = provenance.get("input_size")
    if not isinstance(size, list | tuple) or len(size) != 2:
        return None
    if not all(isinstance(side, int) and side > 0 for side in size):
        return None
    return float(size[0] * size[1])


def working_scale(provenance: Mapping[str, Any], pixels: int) -> float:
    """Scale, 0..1, that gives a photo of ``pixels`` the area of the network's input in training.

    In training whole photos were shrunk to that input, so things look as large then as they did there. 1 for
    smaller photos, and where the bundle does not tell.

    >>> working_scale({"input_size": [160, 160]}, 512 * 512)
    0.3125
    >>> working_scale({"input_size": [160, 160]}, 100 * 100)
    1.0
    """
    area = training_pixels(provenance)
    return 1.0 if area is None else min(1.0, math.sqrt(area / pixels))


def scale_for(provenance: Mapping[str, Any], asked: float | None) -> Scale:
    """What :func:`descale.runtime.opening.open_picture` takes: ``asked``, or by photo as in training."""
    return partial(working_scale, provenance) if asked is None else asked
