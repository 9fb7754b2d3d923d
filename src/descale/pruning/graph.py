"""The coupled channel groups of a network, put together from what was traced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from torch import nn

from descale.base.errors import PruningError
from descale.pruning.channels import NO_GROUP, ChannelGraph, ChannelGroup, Side, Slot
from descale.pruning.trace import CONVOLUTIONS, TracedGroup, trace_groups
from descale.pruning.trial_cut import without_failing_groups

HEAD = "segmentation_head"
Position = tuple[str, Side, int]


class _Union:
    """Union-find: what ends in one set is cut together."""

    def __init__(self) -> None:
        self._parent: dict[Position, Position] = {}

    def find(self, item: Position) -> Position:
        root = item
        while self._parent.setdefault(root, root) != root:
            root = self._parent[root]
        while self._parent[item] != root:
            self._parent[item], item = root, self._parent[item]
        return root

    def join(self, items: Iterable[Position]) -> None:
        chain = list(items)
        for item in chain[1:]:
            a, b = self.find(chain[0]), self.find(item)
            if a != b:
                self._parent[b] = a

    def __contains__(self, item: Position) -> bool:
        return item in self._parent


def build_channel_graph(network: nn.Module) -> ChannelGraph:
    """Find all coupled channel groups of a network.

    Guards over the plain dependency graph: blocks with rules of their own are leaves with known couplings;
    the groups of a group norm and of a grouped convolution are cut whole, so that what stays is computed as
    before; the class head is never cut; what the graph cannot follow, or what a trial cut shows that it
    misunderstood, stays dense, listed with the reason.

    Raises:
        PruningError: the graph cannot be traced, or nothing in the network may be cut.
    """
    try:
        graph = _find_groups(network)
    except PruningError:
        raise
    except Exception as error:  # the tracer meets layers of any library
        raise PruningError(
            f"The channels of this network cannot be followed ({type(error).__name__}: {error}). "
            "Choose another encoder: docs/encoders.md lists those tried."
        ) from error
    if graph.prunable:
        graph = without_failing_groups(network, graph)
    if not graph.prunable:
        reasons = sorted({group.refusal for group in graph.groups if group.refusal})
        told = "; ".join(reasons[:2]) + (f"; and {len(reasons) - 2} other reasons" if reasons[2:] else "")
        raise PruningError(f"Nothing in this network can be pruned: {told or 'no convolutions'}.")
    return graph


def _find_groups(network: nn.Module) -> ChannelGraph:
    traced = trace_groups(network)
    union = _Union()
    owner: dict[Position, int] = {}  # position -> number of the traced group
    for number, group in enumerate(traced):
        anchors: dict[int, Position] = {}
        for layer, side, positions, channels in group.members:
            for position, channel in zip(positions, channels, strict=True):
                here: Position = (layer, side, position)
                union.join((anchors.setdefault(channel, here), here))
                owner.setdefault(here, number)
    _tie_blocks(dict(network.named_modules()), union)
    return _assemble(network, traced, union, owner)


def _tie_blocks(modules: dict[str, nn.Module], union: _Union) -> None:
    """Tie what a group norm averages over, and what a grouped convolution reads and writes together."""
    for name, module in modules.items():
        if isinstance(module, nn.GroupNorm):
            size = module.num_channels // module.num_groups
            for block in range(module.num_groups):
                union.join((name, "out", block * size + i) for i in range(size))
        elif isinstance(module, nn.Conv2d) and module.groups > 1:
            outs, ins = module.out_channels // module.groups, module.in_channels // module.groups
            for block in range(module.groups):
                union.join(
                    [
                        *((name, "out", block * outs + i) for i in range(outs)),
                        *((name, "in", block * ins + i) for i in range(ins)),
                    ]
                )


def _assemble(
    network: nn.Module, traced: list[TracedGroup], union: _Union, owner: dict[Position, int]
) -> ChannelGraph:
    merged = _Union()  # traced groups that share a unit become one
    first_owner: dict[Position, int] = {}
    for position, number in owner.items():
        root = union.find(position)
        merged.join([("", "out", first_owner.setdefault(root, number)), ("", "out", number)])
    numbers: dict[int, int] = {}
    units: dict[Position, tuple[int, int]] = {}
    count: dict[int, int] = defaultdict(int)
    for position, number in owner.items():
        root = union.find(position)
        if root not in units:
            group = numbers.setdefault(merged.find(("", "out", number))[2], len(numbers))
            units[root] = (group, count[group])
            count[group] += 1
    slots: dict[tuple[str, Side], Slot] = {}
    for name, side in dict.fromkeys((layer, side) for layer, side, _ in owner):
        width = _width(network, name, side)
        groups, inside = np.full(width, NO_GROUP, dtype=np.int64), np.zeros(width, dtype=np.int64)
        for channel in range(width):
            here: Position = (name, side, channel)
            if here in union:
                groups[channel], inside[channel] = units[union.find(here)]
        slots[(name, side)] = Slot(name, side, groups, inside)
    refusals: dict[int, str] = {}
    for at, found in enumerate(traced):
        if found.refusal and found.members:
            refusals.setdefault(numbers[merged.find(("", "out", at))[2]], found.refusal)
    return ChannelGraph(
        tuple(_describe(network, index, count[index], slots, refusals.get(index)) for index in sorted(count)),
        slots,
    )


def _describe(
    network: nn.Module,
    index: int,
    units: int,
    slots: dict[tuple[str, Side], Slot],
    refusal: str | None,
) -> ChannelGroup:
    def layers(side: Side) -> list[str]:
        found = []
        for (name, at), slot in slots.items():
            if at == side and index in slot.groups and _is_filter(network, name):
                found.append(name)
        return found

    producers = layers("out")
    if any(name.startswith(HEAD) for name in producers):
        refusal = "the class head is never cut"
    elif not producers:
        refusal = "no convolution produces it"
    elif any((slots[(name, "out")].groups != index).any() for name in producers):
        refusal = refusal or "a layer's filters belong to several groups"
    elif units == 1:
        refusal = refusal or "it cannot be cut below its one unit"
    return ChannelGroup(index, units, tuple(producers), tuple(layers("in")), refusal)


def _is_filter(network: nn.Module, name: str) -> bool:
    try:
        return isinstance(network.get_submodule(name), (*CONVOLUTIONS, nn.Linear))
    except AttributeError:  # a bare parameter
        return False


def _width(network: nn.Module, name: str, side: Side) -> int:
    try:
        module = network.get_submodule(name)
    except AttributeError:
        return int(network.get_parameter(name).shape[0])
    attribute = {"in": ("in_channels", "in_features"), "out": ("out_channels", "out_features")}[side]
    for key in (*attribute, "num_features", "num_channels", "normalized_shape", "num_parameters"):
        value = getattr(module, key, None)
        if value is not None:
            return int(value[-1] if isinstance(value, tuple) else value)
    raise PruningError(f"Layer {name} ({type(module).__name__}) has no known width.")
