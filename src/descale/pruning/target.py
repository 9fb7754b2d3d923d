"""What a pruning run aims at: how many units of each of the dense network's groups stay, and when."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from descale.pruning.allocation import SCORED, Counts, allocate
from descale.pruning.budget import first_units
from descale.pruning.channels import ChannelGraph
from descale.pruning.config import PruningConfig
from descale.pruning.graph import build_channel_graph, find_channel_groups
from descale.pruning.importance import Scores
from descale.pruning.plan import explain_sparsity, make_plan

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Remainder:
    """What an earlier part of the schedule left of the dense network, and where it came from.

    Attributes:
        graph: groups of the cut network; those down to their last unit are no longer prunable.
        origin: group of ``graph`` -> group of the dense network.
    """

    graph: ChannelGraph
    origin: dict[int, int]


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

    def remainder(self, network: nn.Module) -> Remainder:
        """Groups of a network that was cut towards this target.

        A grouped convolution of which one group of channels is left is an ordinary one, whose channels are
        no longer tied; it has reached its last unit all the same and is not cut further.
        """
        graph = find_channel_groups(network)
        dense = {name: group for group in self.graph.prunable for name in group.producers}
        groups, origin = [], {}
        for group in graph.groups:
            if group.refusal is None:
                before = dense[group.producers[0]]
                full = len(self.graph.slots[(group.producers[0], "out")].groups)
                left = round(before.units * _filters(network.get_submodule(group.producers[0])) / full)
                if left > 1:
                    origin[group.index] = before.index
                else:
                    group = replace(group, refusal="its last unit is left")
            groups.append(group)
        return Remainder(replace(graph, groups=tuple(groups)), origin)

    def dense_scores(self, remainder: Remainder, scores: Scores) -> Scores:
        """Scores of what is left in the dense network's groups; units that are gone count for nothing."""
        found = {group.index: torch.zeros(group.units) for group in self.graph.prunable}
        for values in found.values():
            values[0] = 1.0  # a last unit holds all there is
        for index, values in scores.items():
            found[remainder.origin[index]][: len(values)] = values
        return found

    def realised(self, network: nn.Module) -> float:
        """Mean over the dense network's prunable layers of the fraction of filters that ``network`` lacks."""
        removed = []
        for name in self.graph.layers:
            dense = len(self.graph.slots[(name, "out")].groups)
            removed.append(1.0 - _filters(network.get_submodule(name)) / dense)
        return float(np.mean(removed))


def find_target(network: nn.Module, pruning: PruningConfig, size: tuple[int, int]) -> Target:
    """The target of a dense network; fails before any training.

    A sparsity that the widths do not allow is logged with what there will be instead.

    Args:
        network: dense.
        pruning: settings of the run.
        size: (height, width) at which costs are counted.

    Raises:
        PruningError: nothing can be pruned, or the budget is below the floor.
    """
    graph = build_channel_graph(network)
    if pruning.sparsity is not None:
        allocation = "uniform" if pruning.allocation in SCORED else pruning.allocation
        counts = allocate(graph, pruning.sparsity, allocation=allocation, round_to=pruning.round_to)
        realised = graph.sparsity(first_units(graph, counts))
        if note := explain_sparsity(pruning.sparsity, realised, graph, counts):
            logger.warning("%s", note)
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
