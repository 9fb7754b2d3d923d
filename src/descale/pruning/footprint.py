"""Predict what a plan leaves of parameters and MACs, without cutting anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from descale.models.costs import layer_costs
from descale.pruning.allocation import Counts
from descale.pruning.channels import ChannelGraph, Indices, Side


@dataclass(frozen=True)
class LayerFootprint:
    """Parameters and MACs of one layer at some widths."""

    inputs: int
    outputs: int
    params: int
    macs: int


class Footprint:
    """Costs of a network as a function of how many units of each group stay.

    Args:
        network: the network that ``graph`` was built from.
        graph: its groups.
        size: (height, width) at which MACs are counted.
    """

    def __init__(self, network: nn.Module, graph: ChannelGraph, size: tuple[int, int]) -> None:
        self._graph = graph
        self._modules = dict(network.named_modules())
        self._positions = {name: cost.positions for name, cost in layer_costs(network, size).items()}
        self._fixed: dict[tuple[str, Side], int] = {}
        self._steps: dict[tuple[str, Side], list[tuple[int, Indices]]] = {}
        prunable = {group.index: group.units for group in graph.prunable}
        for key, slot in graph.slots.items():
            self._fixed[key] = int(np.isin(slot.groups, list(prunable), invert=True).sum())
            self._steps[key] = [
                (int(g), _running_width(slot.units[slot.groups == g], prunable[int(g)]))
                for g in np.unique(slot.groups)
                if int(g) in prunable
            ]

    def width(self, layer: str, side: Side, full: int, counts: Counts) -> int:
        """Channels of one side of a layer that stay."""
        key = (layer, side)
        if key not in self._steps:
            return full
        return self._fixed[key] + sum(int(steps[counts.get(g, -1)]) for g, steps in self._steps[key])

    @property
    def layers(self) -> tuple[str, ...]:
        """Convolutions and linear layers, in the network's order."""
        return tuple(self._positions)

    def knows(self, layer: str) -> bool:
        """Whether a layer of that name is a convolution or a linear layer of the network."""
        return layer in self._positions

    def is_depthwise(self, layer: str) -> bool:
        """Whether every channel of a convolution is computed from one channel alone."""
        module = self._modules[layer]
        return isinstance(module, nn.Conv2d) and module.groups > 1 and module.groups == module.in_channels

    def layers_of(self, group: int) -> frozenset[str]:
        """Layers that read or write the channels of a group."""
        return frozenset(
            layer for (layer, _), steps in self._steps.items() if any(g == group for g, _ in steps)
        )

    def layer(self, name: str, counts: Counts) -> LayerFootprint:
        """One layer at the given counts."""
        module = self._modules[name]
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            outputs = self.width(name, "out", module.out_channels, counts)
            inputs = self.width(name, "in", module.in_channels, counts)
            if module.groups > 1:
                full_groups = module.groups
                depthwise = full_groups == module.in_channels
                per_row = 1 if depthwise else module.in_channels // full_groups
                inputs = outputs if depthwise else inputs
            else:
                per_row = inputs
            weights = outputs * per_row * int(np.prod(module.kernel_size))
            params = weights + (outputs if module.bias is not None else 0)
            return LayerFootprint(inputs, outputs, params, weights * self._positions.get(name, 0))
        if isinstance(module, nn.Linear):
            outputs = self.width(name, "out", module.out_features, counts)
            inputs = self.width(name, "in", module.in_features, counts)
            params = inputs * outputs + (outputs if module.bias is not None else 0)
            return LayerFootprint(inputs, outputs, params, inputs * outputs * self._positions.get(name, 0))
        own = dict(module.named_parameters(recurse=False))
        if not own:
            return LayerFootprint(0, 0, 0, 0)
        params = 0
        width = 0
        for key, parameter in own.items():
            bare = f"{name}.{key}"
            slot = bare if (bare, "out") in self._steps else name
            width = self.width(slot, "out", parameter.shape[0] if parameter.ndim else 1, counts)
            params += width if parameter.ndim <= 1 else parameter.numel()
        return LayerFootprint(width, width, params, 0)

    def totals(self, counts: Counts) -> LayerFootprint:
        """Parameters and MACs of the whole network; its widths are left 0."""
        layers = [self.layer(name, counts) for name in self._modules]
        return LayerFootprint(0, 0, sum(x.params for x in layers), sum(x.macs for x in layers))

    def sparsity(self, counts: Counts) -> float:
        """Mean over the prunable layers of the fraction of filters removed."""
        return float(np.mean([1.0 - kept / dense for kept, dense in self._filters(counts)]))

    def channels(self, counts: Counts) -> int:
        """Filters of all prunable layers together."""
        return sum(kept for kept, _ in self._filters(counts))

    def _filters(self, counts: Counts) -> list[tuple[int, int]]:
        """Filters of each prunable layer, those that stay and those of the dense network."""
        dense = [(name, len(self._graph.slots[(name, "out")].groups)) for name in self._graph.layers]
        return [(self.width(name, "out", full, counts), full) for name, full in dense]

    def full(self) -> Counts:
        """Counts that cut nothing."""
        return {group.index: group.units for group in self._graph.prunable}


def _running_width(units: Indices, count: int) -> Indices:
    """Channels that the first 0, 1, ..., ``count`` units take."""
    widths = np.bincount(units, minlength=count).astype(np.int64)
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(widths)])
