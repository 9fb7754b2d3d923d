"""What a device and an inspector can bear, and which models exceed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from descale.base.columns import COLUMNS, COSTS
from descale.base.errors import StudyError
from descale.report.cells import Cell

TIE = 0.005
"""Models within half a point of IoU count as equal; the cheaper one wins."""
ROUNDING = 1e-9
"""A difference of 0.02 in the table may be 0.0200000001 after averaging."""


@dataclass(frozen=True)
class Limits:
    """What the device and the inspector can bear.

    Attributes:
        costs: highest value by column (``latency_ms``, ``macs``, ``params``, ``size_bytes``).
        drop: largest loss of IoU against the dense parent, 0..1; ``None`` for no limit.
    """

    costs: Mapping[str, float]
    drop: float | None = None

    def __post_init__(self) -> None:
        unknown = set(self.costs) - set(COSTS)
        if unknown:
            raise StudyError(f"Unknown cost {', '.join(sorted(unknown))}. Choose from {', '.join(COSTS)}.")
        for name, value in self.costs.items():
            if not value > 0:
                raise StudyError(
                    f"A limit of {value:g} on {COLUMNS[name].title} leaves nothing. Give more than 0."
                )
        if self.drop is not None and not 0 <= self.drop < 1:
            raise StudyError(f"A drop of {self.drop:g} is not in 0..1; 2 points of IoU are 0.02.")
        if not self.costs and self.drop is None:
            raise StudyError("Give at least one limit, such as --max-drop 0.02 or --max-latency-ms 50.")


def cost_of(cell: Cell, cost: str) -> float:
    """Its mean over seeds; infinite if it was not measured."""
    value = cell.mean(cost)
    return float("inf") if value is None else value


def violations(cell: Cell, limits: Limits) -> dict[str, float]:
    """By what factor (costs) or difference (drop) a cell misses each limit; empty if it fits."""
    missed = {}
    for cost, limit in limits.costs.items():
        value = cost_of(cell, cost)
        if value > limit:
            missed[cost] = value / limit
    if limits.drop is not None and not cell.dense:
        drop = cell.drop.estimate if cell.drop is not None else float("inf")
        if drop > limits.drop + ROUNDING:
            missed["drop"] = drop - limits.drop
    return missed
