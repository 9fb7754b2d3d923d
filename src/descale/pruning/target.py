"""What a pruning run aims at: how many units of each of the dense network's groups stay, and when."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import nn

from descale.pruning.allocation import SCORED, Counts, allocate, mean_sparsity
from descale.pruning.budget import BudgetWidths, first_units
from descale.pruning.channels import ChannelGraph
from descale.pruning.config import PruningConfig
from descale.pruning.graph import build_channel_graph
from descale.pruning.importance import Scores
from descale.pruning.plan import explain_sparsity, make_plan

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """The end of a pruning run, in units of the dense network's groups.

    Attributes:
        graph: of the dense network.
        pruning: settings of the run.
        sparsity: mean over the prunable layers, 0..1; where the settings ask for a share of all channels or
            for a budget, that of the widths that meet it.
        budget: units that stay in each group, where the settings ask for a budget.
    """

    graph: ChannelGraph
    pruning: PruningConfig
    sparsity: float
    budget: Counts | None

    def counts_at(self, progress: float, scores: Scores | None, open_units: Counts) -> Counts:
        """Units that stay in each group when ``progress``, 0..1, of the target is reached.

        Args:
            progress: share of the way.
            scores: of the units of each group, for allocations that follow them.
            open_units: units that are left in each group; one in a group that is not named.
        """
        groups = self.graph.prunable
        if self.budget is not None:
            return {
                g.index: max(
                    self.budget[g.index], round(g.units - progress * (g.units - self.budget[g.index]))
                )
                for g in groups
            }
        if scores is not None:  # a last unit, which nobody scores any more, holds all there is
            last = {g.index: torch.eye(1, g.units)[0] for g in groups if g.index not in scores}
            scores = {**scores, **last}
        return allocate(
            self.graph,
            progress * self.sparsity,
            allocation=self.pruning.allocation,
            round_to=self.pruning.round_to,
            scores=scores,
            open_units={g.index: open_units.get(g.index, 1) for g in groups},
        )


def find_target(
    network: nn.Module,
    pruning: PruningConfig,
    size: tuple[int, int],
    *,
    graph: ChannelGraph | None = None,
    widths: BudgetWidths | None = None,
) -> Target:
    """The target of a dense network; fails before any training.

    A sparsity that the widths do not allow is logged with what there will be instead.

    Args:
        network: dense.
        pruning: settings of the run.
        size: (height, width) at which costs are counted.
        graph: groups of ``network``, if known.
        widths: that meet the budget, where it is one of latency: :func:`descale.latency.widths_for_latency`.

    Raises:
        PruningError: nothing can be pruned, or the budget is below the floor.
    """
    graph = graph or build_channel_graph(network)
    if pruning.sparsity is not None:
        allocation = "uniform" if pruning.allocation in SCORED else pruning.allocation
        sparsity = mean_sparsity(
            graph, pruning.sparsity, pruning.sparsity_over, allocation=allocation, round_to=pruning.round_to
        )
        counts = allocate(graph, sparsity, allocation=allocation, round_to=pruning.round_to)
        left = first_units(graph, counts)
        whole = pruning.sparsity_over == "channels"
        realised = graph.channels_removed(left) if whole else graph.sparsity(left)
        if note := explain_sparsity(pruning.sparsity, realised, graph, counts, over=pruning.sparsity_over):
            logger.warning("%s", note)
        return Target(graph, pruning, sparsity, None)
    assert pruning.budget is not None  # see PruningConfig
    ((kind, share),) = pruning.budget.items()
    plan = make_plan(
        network,
        size=size,
        budget=(kind, share),
        allocation=pruning.allocation,
        round_to=pruning.round_to,
        graph=graph,
        widths=widths,
    )
    return Target(graph, pruning, plan.sparsity, plan.counts)
