"""From a tile's logits to class ids, in two steps: before the tiles are blended and after."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descale.runtime.patches import SAMPLED, drop_faint

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Decision:
    """How a network's logits become ids.

    Attributes:
        reduce: logits (K, H, W) of a tile -> what is blended, (M, H, W).
        decide: blended values (M, H, W) -> ids (H, W), and the probabilities of some of the chosen, 0..1.
    """

    reduce: Callable[[Values], Values]
    decide: Callable[[Values], tuple[NDArray[np.uint8], Values]]


def decision(classes: int, threshold: float) -> Decision:
    """By ``threshold`` on the probability of the second of two classes, else by the largest logit.

    >>> import numpy as np
    >>> rule = decision(2, threshold=0.5)
    >>> ids, _ = rule.decide(rule.reduce(np.array([[[0.0, 1.0]], [[2.0, -1.0]]], np.float32)))
    >>> ids.tolist()
    [[1, 0]]
    """
    if classes == 2:
        return Decision(_margin, _by_threshold(threshold))
    return Decision(np.copy, _by_maximum)


class FaintPatches:
    """Collects the probabilities of class 1, block by block, and drops patches that are too unsure.

    Args:
        height, width: of the picture.
        bound: least mean probability of a patch, 0..1; with 0 nothing is collected and nothing dropped.
    """

    def __init__(self, height: int, width: int, bound: float) -> None:
        self._bound = bound
        shape = (-(-height // SAMPLED), -(-width // SAMPLED)) if bound else (0, 0)
        self._margins = np.zeros(shape, np.float16)

    def put(self, top: int, left: int, margin: Values) -> None:
        """A block of blended values (1, H, W), as two classes reduce to, at this place."""
        if self._bound:
            some = margin[0, -top % SAMPLED :: SAMPLED, -left % SAMPLED :: SAMPLED]
            y, x = -(-top // SAMPLED), -(-left // SAMPLED)
            self._margins[y : y + some.shape[0], x : x + some.shape[1]] = np.clip(some, -80, 80)

    def drop_from(self, mask: NDArray[np.uint8]) -> int:
        """Clear class ids of patches below the bound; returns how many."""
        if not self._bound:
            return 0
        margins = self._margins.astype(np.float32)
        return drop_faint(mask.view(np.bool_), 1 / (1 + np.exp(-margins)), self._bound)


def _margin(logits: Values) -> Values:
    """Two classes: only the difference of their logits matters, before and after blending."""
    return np.subtract(logits[1:2], logits[0:1])


def _by_threshold(threshold: float) -> Callable[[Values], tuple[NDArray[np.uint8], Values]]:
    # p >= t is the same as logit difference >= log(t / (1 - t)): no exponential per pixel.
    border = np.float32(math.log(threshold / (1 - threshold)))

    def decide(margin: Values) -> tuple[NDArray[np.uint8], Values]:
        ids = (margin[0] >= border).view(np.uint8)
        step = SAMPLED
        some = margin[0, ::step, ::step]
        some = np.where(ids[::step, ::step] == 1, some, -some)
        return ids, np.reciprocal(1 + np.exp(-np.clip(some, -80, 80)), dtype=np.float32)

    return decide


def _by_maximum(logits: Values) -> tuple[NDArray[np.uint8], Values]:
    best = logits[0].copy()
    ids = np.zeros(best.shape, np.uint8)
    for k in range(1, len(logits)):  # ties go to the lower id, as with argmax
        higher = logits[k] > best
        np.copyto(ids, np.uint8(k), where=higher)
        np.maximum(best, logits[k], out=best)
    step = SAMPLED
    some = logits[:, ::step, ::step]
    return ids, 1 / np.exp(some - best[::step, ::step]).sum(axis=0)
