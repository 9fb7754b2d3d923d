"""Successive halving: many short runs, then longer ones of the better half, within a given time.

Jamieson and Talwalkar 2016, arXiv 1502.07943. Each round gets about the same time, so its epochs grow as
candidates leave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ROUNDS = 2
KEPT = 0.4
"""Share of the candidates that go on from a round to the next."""
LEAST_EPOCHS, MOST_EPOCHS = 2, 30
DEFAULT_EPOCHS = 6


@dataclass(frozen=True)
class Round:
    """One round.

    Attributes:
        candidates: how many take part.
        epochs: of recovery of each.
    """

    candidates: int
    epochs: int


def rounds(
    epoch_seconds: Sequence[float], seconds: float | None, *, once: Sequence[float]
) -> tuple[Round, ...]:
    """How many candidates and epochs each round has.

    Args:
        epoch_seconds: of every candidate, the most promising first.
        seconds: for all rounds together; ``None`` gives a default length.
        once: seconds that each candidate takes before its first recovery: it is cut once.

    Returns:
        No round where one candidate is all there is, or there is no time for two.

    >>> rounds([10.0] * 6, 1200.0, once=[70.0] * 6)
    (Round(candidates=6, epochs=6), Round(candidates=2, epochs=19))
    >>> rounds([10.0] * 6, None, once=[70.0] * 6)
    (Round(candidates=6, epochs=6), Round(candidates=2, epochs=18))
    >>> rounds([10.0], 600.0, once=[70.0]), rounds([10.0] * 6, 170.0, once=[70.0] * 6)
    ((), ())
    >>> rounds([10.0] * 6, 200.0, once=[70.0] * 6)
    (Round(candidates=2, epochs=3),)
    """
    count, share = len(epoch_seconds), math.inf
    while seconds is not None and count >= 2:  # as many as get the least that says anything
        share = (seconds - sum(once[:count])) / (ROUNDS if _following(count) > 1 else 1)
        if share / sum(epoch_seconds[:count]) >= LEAST_EPOCHS:
            break
        count -= 1
    found = []
    for number in range(ROUNDS):
        if count < 2:
            break
        epochs = DEFAULT_EPOCHS * 3**number
        if seconds is not None:
            epochs = math.floor(share / sum(epoch_seconds[:count]))
            epochs = max(LEAST_EPOCHS, min(MOST_EPOCHS, epochs))
        found.append(Round(count, epochs))
        count = _following(count)
    return tuple(found)


def _following(count: int) -> int:
    """Candidates of the round after one of ``count``."""
    return math.floor(count * KEPT + 0.5) if count > 2 else 1
