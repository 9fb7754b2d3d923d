"""Whether photos meet the network at the scale it was trained at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from descale.runtime.summary import PhotoResult

MAGNIFIED = 2.0
"""From here on photos are so much larger than in training that the run says so."""


def magnification(
    provenance: Mapping[str, Any], results: Sequence[PhotoResult], scale: float
) -> float | None:
    """How much larger things look to the network than in training, as a ratio of lengths: median of photos.

    A network is trained on whole photos shrunk to its input size, and predicts at ``scale`` of their own.
    ``None`` if there are no photos, or the bundle does not tell its input size.
    """
    size = provenance.get("input_size")
    if not results or not isinstance(size, list | tuple) or len(size) != 2:
        return None
    sides = [math.sqrt(result.width * result.height) for result in results]
    return scale * float(np.median(sides)) / math.sqrt(float(size[0]) * float(size[1]))
