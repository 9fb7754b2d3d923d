"""The moving average of the weights, which is what a training run leaves."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Average = Callable[[list[Tensor], list[Tensor], Tensor | int], None]
"""The average, the weights, and how many of them are in the average so far; changes the first in place."""


def moving_average(decay: float) -> Average:
    """Exponential moving average whose decay rises to ``decay`` as ``(1 + n) / (10 + n)`` does.

    With a fixed decay of 0.99 the weights of the first step would still be two fifths of the average
    after 90 steps, which is a whole training on a dozen photos.

    Args:
        decay: share of the average that a step keeps, 0..1.
    """

    @torch.no_grad()
    def update(average: list[Tensor], weights: list[Tensor], averaged: Tensor | int) -> None:
        count = int(averaged)
        kept = min(decay, (1 + count) / (10 + count))
        if average[0].is_floating_point():
            torch._foreach_lerp_(average, weights, 1.0 - kept)
            return
        for mean, value in zip(average, weights, strict=True):  # counters of batch norm
            mean.copy_(value)

    return update
