"""Choose the widths that lose the least for a budget in milliseconds.

What a group's width is worth is read off the allocation that the recipe would use: were every channel as
dear as the sparsity says (one over the group's width), that allocation would be the best. For a loss of
``w / width`` in each group this gives ``w = price * width ** 2`` at the allocation's width, and with the
price in milliseconds of the engine the widths move: a group whose channels are dearer than the sparsity
says gets fewer, by the root of the ratio. After HALP (Shen et al. 2021, arXiv 2110.10811), which buys
importance with latency in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from descale.base.errors import PruningError
from descale.latency.lanes import choices
from descale.latency.layers import layer_of
from descale.latency.model import LatencyModel
from descale.pruning.allocation import FLOOR, Counts, allocate
from descale.pruning.channels import ChannelGraph

FREE = 1e-4
"""Share of the budget that a step may cost and still count as free."""


@dataclass(frozen=True)
class Widths:
    """Widths within a budget.

    Attributes:
        counts: group -> units that stay.
        ms: predicted.
    """

    counts: Counts
    ms: float


def choose_widths(model: LatencyModel, graph: ChannelGraph, budget: float, *, allocation: str) -> Widths:
    """Widths that lose the least and are predicted to take ``budget`` milliseconds, or hardly more.

    Every group begins with a part of a vector and is widened in the order of loss avoided per millisecond, in
    the steps of :func:`descale.latency.lanes.choices`. A step that costs at most :data:`FREE` is always
    taken, over the budget too.

    Args:
        model: of the engine's time.
        graph: groups of the dense network.
        budget: milliseconds.
        allocation: name of :data:`descale.pruning.allocation.ALLOCATIONS` that tells what widths are worth.

    Raises:
        PruningError: the narrowest network takes longer.
    """
    ladders, counts = _narrowest(model, graph, budget)
    spent = model.ms(counts)
    worth = _worth(model, graph, budget, allocation)
    touched = {  # a layer may run several times, each by a name of its own
        index: {name for name in model.layers if layer_of(name) in model.footprint.layers_of(index)}
        for index in ladders
    }
    factor = 1 + model.rest[1]

    def step(index: int) -> tuple[float, float] | None:
        """Loss avoided per millisecond, and milliseconds, of the next width of a group."""
        ladder = ladders[index]
        place = ladder.index(counts[index])
        if place + 1 == len(ladder):
            return None
        wider = {**counts, index: ladder[place + 1]}
        before = sum(model.layer_ms(layer, counts) for layer in touched[index])
        cost = factor * (sum(model.layer_ms(layer, wider) for layer in touched[index]) - before)
        avoided = worth[index] * (1 / counts[index] - 1 / ladder[place + 1])
        return avoided / max(cost, FREE * budget), cost

    steps = {index: step(index) for index in counts}
    while True:
        affordable = {
            index: one[0]
            for index, one in steps.items()
            if one is not None and (spent + one[1] <= budget or one[1] <= FREE * budget)
        }
        if not affordable:
            return Widths(counts, model.ms(counts))
        taken = max(affordable, key=lambda index: affordable[index])
        chosen = steps[taken]
        assert chosen is not None
        ladder = ladders[taken]
        counts[taken] = ladder[ladder.index(counts[taken]) + 1]
        spent += chosen[1]
        for index in counts:
            if index == taken or touched[index] & touched[taken]:
                steps[index] = step(index)


def _narrowest(
    model: LatencyModel, graph: ChannelGraph, budget: float
) -> tuple[dict[int, list[int]], Counts]:
    """Widths to choose from, whole vectors and parts of one, and the least of them; a single channel only
    where the budget leaves nothing else."""
    least = max(FLOOR, model.lanes // 4)
    while True:
        ladders = {group.index: choices(group.units, least, model.lanes) for group in graph.prunable}
        counts = {index: ladder[0] for index, ladder in ladders.items()}
        ms = model.ms(counts)
        if ms <= budget:
            return ladders, counts
        if least == 1:
            raise PruningError(
                f"A latency of {budget:.2f} ms cannot be met: with one channel in every group the network "
                f"takes about {ms:.2f} ms. Give a smaller picture, another architecture, or a larger budget."
            )
        least //= 2


def plain_widths(model: LatencyModel, graph: ChannelGraph, budget: float, *, allocation: str) -> Counts:
    """The widths of an allocation at the least sparsity that is predicted to take at most ``budget`` ms."""
    low, high = 0.0, 1.0 - 1e-6
    for _ in range(20):
        sparsity = (low + high) / 2
        reference = allocate(graph, sparsity, allocation=allocation)
        low, high = (sparsity, high) if model.ms(reference) > budget else (low, sparsity)
    return allocate(graph, high, allocation=allocation)


def _worth(model: LatencyModel, graph: ChannelGraph, budget: float, allocation: str) -> Mapping[int, float]:
    """What the groups' widths are worth by the allocation that takes ``budget`` milliseconds."""
    reference = plain_widths(model, graph, budget, allocation=allocation)
    shares = graph.layer_shares()
    return {g.index: shares[g.index] / g.units * reference[g.index] ** 2 for g in graph.prunable}
