"""What a pruning run aims at: how many units of each of the dense network's groups stay, and when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from descale.pruning.allocation import Counts, allocate
from descale.pruning.channels import ChannelGraph
from descale.pruning.config import PruningConfig
from descale.pruning.graph import build_channel_graph
from descale.pruning.importance import Scores
from descale.pruning.plan import make_plan


@dataclass(frozen=True)
class Target:
    """The end of a pruning run, in units of the dense network's groups.

    Attributes:
        graph: of the dense network.
        pruning: settings of the run.
        sparsity: mean over the prunable layers, 0..1; with a budget, that of the widths that meet it.
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
            scores: of the units that are left, for allocations that follow them.
            open_units: units that are left in each group.
        """
        if self.budget is not None:
            return {
                g.index: max(
                    self.budget[g.index], round(g.units - progress * (g.units - self.budget[g.index]))
                )
                for g in self.graph.prunable
            }
        return allocate(
            self.graph,
            progress * self.sparsity,
            allocation=self.pruning.allocation,
            round_to=self.pruning.round_to,
            scores=scores,
            open_units=open_units,
        )

    def realised(self, network: nn.Module) -> float:
        """Mean over the dense network's prunable layers of the fraction of filters that ``network`` lacks."""
        removed = []
        for name in self.graph.layers:
            dense = len(self.graph.slots[(name, "out")].groups)
            removed.append(1.0 - _filters(network.get_submodule(name)) / dense)
        return float(np.mean(removed))


def find_target(network: nn.Module, pruning: PruningConfig, size: tuple[int, int]) -> Target:
    """The target of a dense network; fails before any training.

    Args:
        network: dense.
        pruning: settings of the run.
        size: (height, width) at which costs are counted.

    Raises:
        PruningError: nothing can be pruned, or the budget is below the floor.
    """
    graph = build_channel_graph(network)
    if pruning.sparsity is not None:
        return Target(graph, pruning, pruning.sparsity, None)
    assert pruning.budget is not None  # see PruningConfig
    ((kind, share),) = pruning.budget.items()
    plan = make_plan(
        network,
        size=size,
        budget=(kind, share),
        allocation=pruning.allocation,
        round_to=pruning.round_to,
        graph=graph,
    )
    return Target(graph, pruning, plan.sparsity, plan.counts)


def _filters(module: nn.Module) -> int:
    return int(getattr(module, "out_channels", 0) or getattr(module, "out_features", 0))
