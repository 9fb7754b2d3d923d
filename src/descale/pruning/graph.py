"""Find the coupled channel groups of a network, on Torch-Pruning's dependency graph with our own guards."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
import torch_pruning as tp
from segmentation_models_pytorch.decoders.manet.decoder import PABBlock
from torch import nn

from descale.errors import PruningError
from descale.models.spec import STRIDE
from descale.models.widths import CHANNEL_PARAMETERS
from descale.pruning.attention import INNER_LAYERS, INPUT_LAYERS, AttentionLeaf
from descale.pruning.channels import NO_GROUP, ChannelGraph, ChannelGroup, Side, Slot

logger = logging.getLogger(__name__)

HEAD = "segmentation_head"
CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
Position = tuple[str, Side, int]


SUPPORTED = (*CONVOLUTIONS, nn.Linear, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.PReLU, PABBlock)
OPAQUE = {
    tp.ops.OPTYPE.RESHAPE: "a reshape",
    tp.ops.OPTYPE.SPLIT: "a split",
    tp.ops.OPTYPE.UNBIND: "an unbind",
    tp.ops.OPTYPE.EXPAND: "an expand",
    tp.ops.OPTYPE.MHA: "multi-head attention",
}


@dataclass
class _Traced:
    """One group as the dependency graph gives it."""

    members: list[tuple[str, Side, list[int], list[int]]] = field(default_factory=list)
    refusal: str | None = None


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
    """Find all coupled channel groups of a dense or pruned network.

    Guards over the plain dependency graph: MA-Net's attention is a leaf with known couplings; the groups
    of a group norm and of a grouped convolution are cut whole, so that what stays is computed as before;
    the class head is never cut; what the graph cannot follow is left dense and listed with the reason.

    Raises:
        PruningError: the graph cannot be traced, or nothing in the network may be cut.
    """
    traced = _trace(network)
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
    graph = _assemble(network, traced, union, owner)
    if not graph.prunable:
        reasons = sorted({group.refusal for group in graph.groups if group.refusal})
        raise PruningError(
            f"Nothing in this network can be pruned: {'; '.join(reasons) or 'no convolutions'}."
        )
    return graph


def _trace(network: nn.Module) -> list[_Traced]:
    names = {module: name for name, module in network.named_modules()}
    bare = {
        parameter: f"{name}.{key}"
        for name, module in network.named_modules()
        for key, parameter in module.named_parameters(recurse=False)
        if key in CHANNEL_PARAMETERS and parameter.ndim == 1
    }
    device = next(network.parameters()).device
    training = network.training
    network.eval()
    try:
        graph = tp.DependencyGraph().build_dependency(
            network,
            example_inputs=torch.zeros(1, 3, 2 * STRIDE, 2 * STRIDE, device=device),
            unwrapped_parameters=[(parameter, 0) for parameter in bare],
            customized_pruners={PABBlock: AttentionLeaf()},
            verbose=False,
        )
        groups = list(graph.get_all_groups(root_module_types=[*CONVOLUTIONS, nn.Linear, PABBlock]))
    except Exception as error:
        raise PruningError(
            f"The dependency graph of this network cannot be traced ({type(error).__name__}: {error}). "
            "Convolutional encoders of segmentation_models_pytorch can be pruned; transformers cannot."
        ) from error
    finally:
        network.train(training)
    found = []
    for group in groups:
        traced, opaque = _Traced(), ""
        for item in group:
            target = item.dep.target
            module = target.module
            side: Side = "out" if graph.is_out_channel_pruning_fn(item.dep.handler) else "in"
            roots = item.root_idxs if item.root_idxs is not None else item.idxs
            positions, channels = [int(i) for i in item.idxs], [int(i) for i in roots]
            if isinstance(module, PABBlock):
                traced.members.extend(_attention_members(names[module], side, positions, channels))
            elif isinstance(module, nn.Parameter):
                if module in bare:
                    traced.members.append((bare[module], "out", positions, channels))
                else:
                    traced.refusal = "its channels meet a bare parameter"
            elif module in names:
                traced.members.append((names[module], side, positions, channels))
                if not isinstance(module, SUPPORTED):
                    traced.refusal = f"layer {names[module]} ({type(module).__name__}) is not supported"
            elif target.type in OPAQUE:
                opaque = f"its channels pass through {OPAQUE[target.type]}"
        if opaque and not any(_explains_reshape(network, layer) for layer, *_ in traced.members):
            traced.refusal = opaque
        found.append(traced)
    for name, module in network.named_modules():
        if isinstance(module, PABBlock):
            inner = list(range(module.top_conv.out_channels))
            found.append(_Traced([(f"{name}.{layer}", "out", inner, inner) for layer in INNER_LAYERS]))
    return found


def _explains_reshape(network: nn.Module, layer: str) -> bool:
    """Whether a member is known to reshape without moving channels: the attention, a layer scale."""
    if layer.rpartition(".")[2] in CHANNEL_PARAMETERS:
        return True
    return isinstance(network.get_submodule(layer), PABBlock)


def _attention_members(
    name: str, side: Side, positions: list[int], channels: list[int]
) -> list[tuple[str, Side, list[int], list[int]]]:
    if side == "out":
        return [(f"{name}.out_conv", "out", positions, channels)]
    inputs: list[tuple[str, Side, list[int], list[int]]] = [
        (f"{name}.{layer}", "in", positions, channels) for layer in INPUT_LAYERS
    ]
    return [*inputs, (f"{name}.bottom_conv", "out", positions, channels), (name, "in", positions, channels)]


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
    network: nn.Module, traced: list[_Traced], union: _Union, owner: dict[Position, int]
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
    if isinstance(module, PABBlock):
        return int(module.in_channels)
    attribute = {"in": ("in_channels", "in_features"), "out": ("out_channels", "out_features")}[side]
    for key in (*attribute, "num_features", "num_channels", "normalized_shape", "num_parameters"):
        value = getattr(module, key, None)
        if value is not None:
            return int(value[-1] if isinstance(value, tuple) else value)
    raise PruningError(f"Layer {name} ({type(module).__name__}) has no known width.")
