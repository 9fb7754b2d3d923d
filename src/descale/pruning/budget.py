"""Budgets: find the widths that cost a given share of parameters or MACs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from descale.base.errors import PruningError
from descale.pruning.allocation import Counts, allocate, least_count
from descale.pruning.channels import ChannelGraph, Keep
from descale.pruning.footprint import Footprint

logger = logging.getLogger(__name__)

TOLERANCE = 0.02
"""A budget counts as hit when the cost is within this share of it."""


@dataclass(frozen=True)
class BudgetWidths:
    """Widths that meet a budget, or come as near to it as widths allow.

    Attributes:
        counts: group -> units that stay.
        note: what they cost instead, where that is not near enough to the budget; else empty.
    """

    counts: Counts
    note: str


def counts_for_budget(
    network: nn.Module,
    graph: ChannelGraph,
    kind: str,
    share: float,
    *,
    size: tuple[int, int],
    allocation: str = "uniform",
    round_to: int = 1,
) -> BudgetWidths:
    """Widths that cost ``share`` of the dense network, within 2 % where widths allow.

    Args:
        network: the dense network.
        graph: its groups.
        kind: ``params`` or ``macs``; for ``latency`` see :mod:`descale.latency`.
        share: 0..1.
        size: (height, width) at which MACs are taken.
        allocation: how the channels that stay are spread over the layers.
        round_to: multiple of channels.

    Raises:
        PruningError: even the least width of every group costs more; the floor is named.
    """
    footprint = Footprint(network, graph, size)
    cost = _cost(footprint, kind)
    dense = cost(footprint.full())
    least = {group.index: least_count(group.units, round_to) for group in graph.prunable}
    floor = cost(least)
    if floor > share * dense * (1 + TOLERANCE):
        width = "one unit in every group" if round_to == 1 else f"widths in multiples of {round_to}"
        raise PruningError(
            f"A budget of {kind}={share:g} cannot be met: with {width} {floor / dense:.2%} "
            f"of the {kind} stay (what is never cut: the class head and the input). The least is "
            f"{kind}={floor / dense:.4f}."
        )
    target = share * dense
    low, high = 0.0, 1.0 - 1e-6
    best, best_error = footprint.full(), abs(dense - target)
    for _ in range(24):
        sparsity = (low + high) / 2
        counts = allocate(graph, sparsity, allocation=allocation, round_to=round_to)
        value = cost(counts)
        if abs(value - target) < best_error:
            best, best_error = counts, abs(value - target)
        low, high = (sparsity, high) if value > target else (low, sparsity)
    best = _fine_tune(best, footprint, cost, target, round_to)
    reached = cost(best) / dense
    if abs(reached / share - 1) <= TOLERANCE:
        return BudgetWidths(best, "")
    note = f"{kind}={reached:.4f} instead of {share:g}: widths allow no closer."
    logger.warning("%s", note)
    return BudgetWidths(best, note)


def first_units(graph: ChannelGraph, counts: Counts) -> Keep:
    """A decision that keeps the first units of every group; enough for costs, not for accuracy."""
    return {
        group.index: np.arange(group.units) < counts.get(group.index, group.units) for group in graph.prunable
    }


def _cost(footprint: Footprint, kind: str) -> Callable[[Counts], float]:
    if kind == "macs":
        return lambda counts: float(footprint.totals(counts).macs)
    if kind == "params":
        return lambda counts: float(footprint.totals(counts).params)
    raise PruningError(f"A budget of '{kind}' cannot be counted. Known: params, macs.")


def _fine_tune(
    counts: Counts, footprint: Footprint, cost: Callable[[Counts], float], target: float, round_to: int
) -> Counts:
    """Move single groups by one step while that brings the cost nearer to the target."""
    counts, full = dict(counts), footprint.full()
    for _ in range(20):
        error = abs(cost(counts) - target)
        if error <= TOLERANCE / 4 * target:
            break
        sign = 1 if cost(counts) < target else -1
        options = []
        for index, count in counts.items():
            step = least_count(full[index], round_to)
            moved = count + sign * step
            if step <= moved <= full[index]:
                options.append((abs(cost({**counts, index: moved}) - target), index, moved))
        if not options or min(options)[0] >= error:
            break
        _, index, moved = min(options)
        counts[index] = moved
    return counts
