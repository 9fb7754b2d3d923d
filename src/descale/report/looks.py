"""How the report calls and draws what the columns ``architecture`` and ``strategy`` name.

Series differ by marker shape and dash first and by colour second, so a greyscale print tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from descale.models.architectures import ARCHITECTURES
from descale.pruning.strategies import STRATEGIES

DENSE: Final = "dense"
SLIM: Final = "slim-scratch"
CONTROLS: Final = ("random", SLIM)


@dataclass(frozen=True)
class Look:
    """How a strategy is drawn everywhere on the page.

    Attributes:
        marker: name in :data:`descale.report.svg.MARKERS`.
        colour: of the Okabe-Ito palette, distinguishable for most colour-blind readers.
        dash: ``stroke-dasharray`` of its lines; empty is a full line.
        hollow: filled with the page's background; controls are hollow.
    """

    marker: str
    colour: str
    dash: str
    hollow: bool = False


LOOKS = {
    DENSE: Look("circle", "#1b1b1b", ""),
    **{s.name: Look(s.marker, s.colour, s.dash, s.name in CONTROLS) for s in STRATEGIES.values() if s.marker},
    SLIM: Look("plus", "#5c5c5c", "5 2 1 2", hollow=True),
}
SPARE = (
    Look("star", "#8a3b72", "8 2 2 2"),
    Look("pentagon", "#9a7b00", "4 4"),
    Look("hexagon", "#3c5a9a", "3 1"),
)


def architecture_title(architecture: str) -> str:
    """The name people use, or the identifier of one that is not in the registry."""
    return ARCHITECTURES[architecture].title if architecture in ARCHITECTURES else architecture


def strategy_title(strategy: str) -> str:
    """The name people use, or the identifier of one that is not in the registry."""
    if strategy == SLIM:
        return "slim from scratch"
    return STRATEGIES[strategy].title if strategy in STRATEGIES else strategy


def strategy_order(strategy: str) -> tuple[int, str]:
    """Sorting key: dense, the registry's strategies in its order, unknown ones, controls."""
    order = [DENSE, *STRATEGIES]
    if strategy in CONTROLS:
        return len(order) + 1, strategy
    return (order.index(strategy) if strategy in order else len(order)), strategy


def look_of(strategy: str, strategies: Sequence[str]) -> Look:
    """Look of a strategy; those that have none take turns with the spare ones."""
    if strategy in LOOKS:
        return LOOKS[strategy]
    others = sorted({*strategies, strategy} - set(LOOKS))
    return SPARE[others.index(strategy) % len(SPARE)]
