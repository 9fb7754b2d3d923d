"""Cut a network on trial, untrained or not: what the graph misunderstood stays dense, and is listed.

A dependency graph cannot see everything that a forward pass does with its channels: splits at fixed places,
reshapes by a stored width, two branches that are stacked in turns. Such a layer shows when it is cut.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from descale.base.errors import PruningError
from descale.pruning.channels import ChannelGraph, ChannelGroup
from descale.pruning.cut import cut_channels
from descale.pruning.exact import check_exact

SHARE = 0.63
"""Share of every group that is cut on trial: an odd one, so that no width fits by chance."""


def without_failing_groups(network: nn.Module, graph: ChannelGraph) -> ChannelGraph:
    """The graph with every group refused whose cut fails or changes the answer.

    Args:
        network: left as it is.
        graph: its groups.

    Raises:
        PruningError: the groups can be cut one by one, but not together.
    """
    probe = _with_lively_norms(network)
    reasons = _failures(probe, graph, graph.prunable)
    if not reasons:
        return graph
    groups = tuple(
        replace(group, refusal=reasons[group.index]) if group.index in reasons else group
        for group in graph.groups
    )
    left = ChannelGraph(groups, graph.slots)
    if left.prunable and (reason := _failure(probe, left, left.prunable)) is not None:
        raise PruningError(
            f"This network cannot be cut: {reason}. Choose another encoder: docs/encoders.md lists "
            "those tried."
        )
    return left


def _failures(network: nn.Module, graph: ChannelGraph, groups: Sequence[ChannelGroup]) -> dict[int, str]:
    """Why which groups cannot be cut, found by halving: most can."""
    if not groups or (reason := _failure(network, graph, groups)) is None:
        return {}
    if len(groups) == 1:
        return {groups[0].index: f"a trial cut failed ({reason})"}
    middle = len(groups) // 2
    return _failures(network, graph, groups[:middle]) | _failures(network, graph, groups[middle:])


def _failure(network: nn.Module, graph: ChannelGraph, groups: Sequence[ChannelGroup]) -> str | None:
    random = np.random.default_rng(0)
    keep = {}
    for group in groups:
        stays = np.zeros(group.units, dtype=bool)
        stays[random.permutation(group.units)[: max(1, round((1 - SHARE) * group.units))]] = True
        keep[group.index] = stays
    try:
        check_exact(network, graph, keep, cut_channels(network, graph, keep))
    except PruningError:
        return "the answer changed"
    except Exception as error:  # whatever a layer of unknown kind makes of channels that are gone
        first = str(error).splitlines()[0] if str(error) else ""
        return f"{type(error).__name__}: {first}"[:90]
    return None


def _with_lively_norms(network: nn.Module) -> nn.Module:
    """A copy on the CPU whose norms are not the identity, as in a trained network."""
    probe = copy.deepcopy(network).to("cpu", torch.float32).eval()
    random = torch.Generator().manual_seed(0)
    for module in probe.modules():
        if isinstance(module, nn.BatchNorm2d) and module.affine and module.running_mean is not None:
            with torch.no_grad():
                module.weight.uniform_(0.5, 1.5, generator=random)
                module.bias.normal_(0.0, 0.1, generator=random)
                module.running_mean.normal_(0.0, 0.1, generator=random)
    return probe
