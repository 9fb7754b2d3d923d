"""Pruning: coupled channel groups, what ranks them, how many stay, gates, and the cut."""

from typing import TYPE_CHECKING

from descale.base.lazy import lazy_members

if TYPE_CHECKING:
    from descale.pruning.allocation import ALLOCATIONS, Counts, allocate
    from descale.pruning.channels import ChannelGraph, ChannelGroup
    from descale.pruning.config import PruningConfig
    from descale.pruning.cut import cut_channels
    from descale.pruning.gates import Gates
    from descale.pruning.graph import build_channel_graph
    from descale.pruning.importance import IMPORTANCES
    from descale.pruning.plan import Plan, make_plan
    from descale.pruning.recipes import RECIPES
    from descale.pruning.strategies import STRATEGIES

__all__ = [
    "ALLOCATIONS",
    "IMPORTANCES",
    "RECIPES",
    "STRATEGIES",
    "ChannelGraph",
    "ChannelGroup",
    "Counts",
    "Gates",
    "Plan",
    "PruningConfig",
    "allocate",
    "build_channel_graph",
    "cut_channels",
    "make_plan",
]

__getattr__ = lazy_members(
    __name__,
    {
        "allocation": "ALLOCATIONS Counts allocate",
        "channels": "ChannelGraph ChannelGroup",
        "config": "PruningConfig",
        "cut": "cut_channels",
        "gates": "Gates",
        "graph": "build_channel_graph",
        "importance": "IMPORTANCES",
        "plan": "Plan make_plan",
        "recipes": "RECIPES",
        "strategies": "STRATEGIES",
    },
)
