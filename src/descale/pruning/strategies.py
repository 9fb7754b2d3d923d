"""Pruning strategies: how sparsity grows over the schedule, and what ranks the channels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from descale.base.errors import ConfigError
from descale.base.spelling import suggestion

WARM_UP = 0.15
COOL_DOWN = 0.2
"""Shares of movement's schedule in which all channels are open, and in which sparsity has reached its end, so
that masks are frozen (Sanh et al. 2020: warm-up, cubic ramp, cool-down)."""


@dataclass(frozen=True)
class Strategy:
    """A way of getting from dense to sparse.

    Attributes:
        name: how it is written in settings.
        progress: (time 0..1, updates) -> share of the final sparsity reached, 0..1; never falls.
        title: how it is written in reports.
        help: what it does, for help texts.
        marker, colour, dash: how charts draw it: name of a marker, ``#rrggbb``, ``stroke-dasharray`` (empty
            is a full line). Without a marker the chart chooses one.
        importance: name of :data:`descale.pruning.importance.IMPORTANCES` that it always ranks by; ``None``
            leaves the choice to the settings.
    """

    name: str
    progress: Callable[[float, int], float]
    title: str
    help: str
    marker: str = ""
    colour: str = ""
    dash: str = ""
    importance: str | None = None


def _updates_done(time: float, updates: int) -> float:
    """Share of equally spaced updates that have happened by ``time``."""
    return min(math.floor(time * updates + 1e-9), updates) / updates


def linear(time: float, updates: int) -> float:
    """``k / T`` after update k of T.

    >>> [round(linear(t, 5), 2) for t in (0.0, 0.2, 0.5, 1.0)]
    [0.0, 0.2, 0.4, 1.0]
    """
    return _updates_done(time, updates)


def agp(time: float, updates: int) -> float:
    """``1 - (1 - k / T)^3`` after update k of T (Zhu & Gupta 2017, arXiv 1710.01878).

    >>> [round(agp(t, 5), 3) for t in (0.0, 0.2, 0.5, 1.0)]
    [0.0, 0.488, 0.784, 1.0]
    """
    return 1.0 - (1.0 - _updates_done(time, updates)) ** 3


def movement(time: float, updates: int) -> float:
    """Zero during warm-up, then the same cubic at every step until cool-down (Sanh et al. 2020).

    >>> [round(movement(t, 1), 3) for t in (0.1, 0.5, 0.9)]
    [0.0, 0.902, 1.0]
    """
    ramp = (time - WARM_UP) / (1.0 - COOL_DOWN - WARM_UP)
    return 1.0 - (1.0 - min(1.0, max(0.0, ramp))) ** 3


def one_shot(time: float, updates: int) -> float:
    """Everything at the first update, as a tenth of the schedule has been scored."""
    return 1.0 if time >= 0.1 else 0.0


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy(
            "linear", linear, title="linear", help="equal steps",
            marker="triangle", colour="#0072b2", dash="7 3",
        ),
        Strategy(
            "agp", agp, title="AGP", help="large steps first",
            marker="square", colour="#c24e00",
        ),
        Strategy(
            "movement", movement, title="movement", help="keeps the weights that move away from zero",
            marker="diamond", colour="#00795a", dash="2 3", importance="movement",
        ),
        Strategy(
            "random", linear, title="random", help="a control: equal steps, channels drawn at random",
            marker="cross", colour="#5c5c5c", dash="1 4", importance="random",
        ),
        Strategy(
            "one-shot", one_shot, title="one-shot", help="all at once",
            marker="wedge", colour="#8a3b72", dash="10 3 2 3",
        ),
    )
}  # fmt: skip


def find_strategy(name: str) -> Strategy:
    """Look a strategy up by name.

    Raises:
        ConfigError: it is unknown; the nearest name is given.
    """
    try:
        return STRATEGIES[name]
    except KeyError:
        hint = suggestion(name, STRATEGIES)
        raise ConfigError(f"Unknown pruning strategy '{name}'; {hint}") from None
