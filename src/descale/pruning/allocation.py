"""Allocation: how many units of each group stay, for a mean sparsity over the prunable layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from descale.pruning.channels import ChannelGraph, ChannelGroup

if TYPE_CHECKING:
    from descale.pruning.importance import Scores

Counts = dict[int, int]
"""Group -> units that stay, at least 1."""

SparsityOver = Literal["layers", "channels"]
"""What a sparsity is a share of: its mean over the prunable layers, or all their channels together."""

BALANCE = 0.5
"""Exponent of ``balanced``; 1 would be uniform, 0 the same width everywhere."""

FLOOR = 2
"""Units that ``balanced`` and ``bypass`` leave in every group that has them. A layer of one channel is a
bottleneck that one dead ReLU closes for good: the network then answers the same for every photo. Only what
rounding adds up to can take one more, from a sparsity of about 0.94 on."""


def uniform(graph: ChannelGraph, density: float, scores: Scores | None) -> dict[int, float]:
    """The same share of every group, as in the paper."""
    return {group.index: density for group in graph.prunable}


def balanced(graph: ChannelGraph, density: float, scores: Scores | None) -> dict[int, float]:
    """Widths proportional to the root of the dense width: narrow layers, which carry resolution, keep more.

    At a uniform 90 % an EfficientNet-Lite's stem would keep 3 of 32 channels while its widest layer
    keeps 115 of 1152; the mean over layers is the same either way.
    """
    return _solve(graph, density, lambda scale, group: max(FLOOR, scale * group.units**BALANCE) / group.units)


def bypass(graph: ChannelGraph, density: float, scores: Scores | None) -> dict[int, float]:
    """``balanced``, but the insides of residual branches keep only the square of their share.

    What such a branch computes is added to what passes by it, so it can nearly go; the layers that everything
    passes through get its channels.
    """
    inside = graph.bypassed

    def share(scale: float, group: ChannelGroup) -> float:
        plain = scale * group.units**BALANCE / group.units
        return max(FLOOR / group.units, min(1.0, plain) ** 2 if group.index in inside else plain)

    return _solve(graph, density, share)


def _solve(
    graph: ChannelGraph, density: float, share: Callable[[float, ChannelGroup], float]
) -> dict[int, float]:
    """Find the scale at which the mean over layers of ``min(1, share)`` equals ``density``."""
    weights = graph.layer_shares()

    def mean(scale: float) -> float:
        return sum(weights[g.index] * min(1.0, share(scale, g)) for g in graph.prunable)

    low, high = 0.0, 1.0
    while mean(high) < density and high < 1e9:
        high *= 2.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if mean(middle) < density else (low, middle)
    return {g.index: min(1.0, share(high, g)) for g in graph.prunable}


def retained(graph: ChannelGraph, density: float, scores: Scores | None) -> dict[int, float]:
    """Every group keeps the same share of its own importance; where it is concentrated, more is cut.

    This is the sensitivity-aware choice; without scores it is ``balanced``.
    """
    if scores is None:
        return balanced(graph, density, scores)
    curves = {}
    for group in graph.prunable:
        ranked = np.sort(scores[group.index].numpy().astype(np.float64))[::-1]
        total = ranked.sum()  # none of a group that does nothing: it may be cut to a single unit
        curves[group.index] = np.cumsum(ranked) / total if total > 0 else np.ones_like(ranked)
    weights = graph.layer_shares()

    def shares(level: float) -> dict[int, float]:
        return {
            g.index: min(g.units, int(np.searchsorted(curves[g.index], level)) + 1) / g.units
            for g in graph.prunable
        }

    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        value = sum(weights[index] * share for index, share in shares(middle).items())
        low, high = (middle, high) if value < density else (low, middle)
    return shares(low)


def global_ranking(graph: ChannelGraph, density: float, scores: Scores | None) -> dict[int, float]:
    """Units ranked across all groups, each group's scores scaled to unit length first.

    Without scores it is ``uniform``.
    """
    if scores is None:
        return uniform(graph, density, scores)
    weights = graph.layer_shares()
    entries = []
    for group in graph.prunable:
        values = scores[group.index].numpy().astype(np.float64)
        values = values / max(float(np.linalg.norm(values)), 1e-30)
        entries += [(float(v), group.index, weights[group.index] / group.units) for v in values]
    entries.sort(reverse=True)
    kept = {group.index: 0 for group in graph.prunable}
    spent = 0.0
    for _, index, cost in entries:
        if spent + cost > density:
            break
        kept[index] += 1
        spent += cost
    return {g.index: max(1, kept[g.index]) / g.units for g in graph.prunable}


ALLOCATIONS: dict[str, Callable[[ChannelGraph, float, Scores | None], dict[int, float]]] = {
    "uniform": uniform,
    "balanced": balanced,
    "bypass": bypass,
    "retained": retained,
    "global": global_ranking,
}

SCORED = frozenset({"retained", "global"})
"""Allocations that follow the scores of a pruning run."""


def allocate(
    graph: ChannelGraph,
    sparsity: float,
    *,
    allocation: str = "uniform",
    round_to: int = 1,
    scores: Scores | None = None,
    open_units: Counts | None = None,
) -> Counts:
    """Units that stay in every prunable group.

    Counts are rounded to the nearest, never to zero. The rounding errors of narrow layers add up, so
    the groups that are nearest to the next count are then moved by one until the mean sparsity over the
    layers is as close to ``sparsity`` as widths allow. ``round_to`` gives multiples where a group is
    at least twice as wide, never below one multiple.

    Args:
        graph: groups of the dense network.
        sparsity: mean fraction of channels to remove, 0..1.
        allocation: name of :data:`ALLOCATIONS`.
        round_to: multiple of channels, 1 for any.
        scores: importance of the units, for allocations that use it.
        open_units: the most that may stay in each group, where some are closed already; what a group has
            too few of is made up by the others.
    """
    most = open_units or {g.index: g.units for g in graph.prunable}
    shares = ALLOCATIONS[allocation](graph, 1.0 - sparsity, scores)
    wanted = {g.index: shares[g.index] * g.units for g in graph.prunable}
    counts = {g.index: min(most[g.index], _round(wanted[g.index], g.units, round_to)) for g in graph.prunable}
    return _settle(graph, 1.0 - sparsity, wanted, counts, most, round_to)


def mean_sparsity(
    graph: ChannelGraph, sparsity: float, over: SparsityOver, *, allocation: str, round_to: int = 1
) -> float:
    """A sparsity as :func:`allocate` takes it, whatever it was given as a share of.

    Where narrow layers keep more than wide ones the mean over the layers at which a share of all their
    channels together is gone is below that share; with ``uniform`` it is the same.

    Args:
        graph: groups of the dense network.
        sparsity: share to remove, 0..1.
        over: what it is a share of.
        allocation: one of :data:`ALLOCATIONS` that needs no scores.
        round_to: multiple of channels.
    """
    if over == "layers":
        return sparsity

    def reached(mean: float) -> float:
        counts = allocate(graph, mean, allocation=allocation, round_to=round_to)
        return graph.channels_removed(
            {group.index: np.arange(group.units) < counts[group.index] for group in graph.prunable}
        )

    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if reached(middle) < sparsity else (low, middle)
    return min((low, high), key=lambda mean: abs(reached(mean) - sparsity))


def least_count(units: int, round_to: int) -> int:
    """The least that may stay of a group, which is also its step: one multiple where it has two, else one."""
    return round_to if units >= 2 * round_to else 1


def _round(wanted: float, units: int, multiple: int) -> int:
    multiple = least_count(units, multiple)
    return int(min(units, max(multiple, round(wanted / multiple) * multiple)))


def _settle(
    graph: ChannelGraph,
    density: float,
    wanted: Mapping[int, float],
    counts: Counts,
    most: Mapping[int, int],
    round_to: int,
) -> Counts:
    weights, units = graph.layer_shares(), {g.index: g.units for g in graph.prunable}
    while True:
        error = sum(weights[i] * counts[i] / units[i] for i in counts) - density
        best, gain = None, 0.0
        for index, count in counts.items():
            step = least_count(units[index], round_to)
            move = -step if error > 0 else step
            if not step <= count + move <= most[index]:
                continue
            after = abs(error + weights[index] * move / units[index])
            # prefer the group whose count is farthest on the wrong side of what was wanted
            value = (abs(error) - after) * (1.0 + max(0.0, (count - wanted[index]) / move * -1.0))
            if after < abs(error) - 1e-12 and value > gain:
                best, gain = (index, move), value
        if best is None:
            break
        counts[best[0]] += best[1]
    return counts
