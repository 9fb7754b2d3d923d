"""Importance of channel units: one registry, each entry accumulates from gradients and gives scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from descale.pruning.channels import ChannelGraph

Scores = dict[int, Tensor]
"""Group -> one non-negative float per unit; more is more important."""


class Importance(Protocol):
    """Accumulates after every backward pass."""

    def update(
        self, network: nn.Module, gate_gradients: Mapping[int, Tensor], weight_scale: float = 1.0
    ) -> None:
        """Add what one step's gradients tell; those of the weights are ``weight_scale`` times too large."""

    def scores(self, network: nn.Module) -> Scores:
        """Scores so far."""

    def reset(self) -> None:
        """Forget what was accumulated."""

    def state(self) -> dict[Any, Tensor]:
        """What was accumulated, for a checkpoint."""

    def restore(self, state: dict[Any, Tensor]) -> None:
        """Inverse of :meth:`state`."""


def _per_unit(graph: ChannelGraph, group: int, name: str, values: Tensor) -> Tensor:
    """Sum a layer's per-channel values over the channels of each unit of a group."""
    slot = graph.slots[(name, "out")]
    units = torch.from_numpy(slot.units[slot.groups == group])
    chosen = values[torch.from_numpy(np.flatnonzero(slot.groups == group))]
    return torch.zeros(graph.groups[group].units).index_add_(0, units, chosen)


def _filters(module: nn.Module, values: Tensor) -> Tensor:
    """Sum over each filter (output channel) of a weight-shaped tensor."""
    return (
        values.transpose(0, 1).flatten(1).sum(1)
        if isinstance(module, nn.ConvTranspose2d)
        else values.flatten(1).sum(1)
    )


class _FilterImportance:
    """Sums something per filter; layers tied in a group share the mean."""

    def __init__(self, graph: ChannelGraph) -> None:
        self._graph = graph
        self._sums: dict[str, Tensor] = {}

    def reset(self) -> None:
        self._sums = {}

    def state(self) -> dict[Any, Tensor]:
        return self._sums

    def restore(self, state: dict[Any, Tensor]) -> None:
        self._sums = state

    def scores(self, network: nn.Module) -> Scores:
        found: Scores = {}
        for group in self._graph.prunable:
            parts = [
                _per_unit(self._graph, group.index, name, self._layer(network, name))
                for name in group.producers
            ]
            found[group.index] = torch.stack(parts).mean(0)
        return found

    def _layer(self, network: nn.Module, name: str) -> Tensor:
        if name not in self._sums:
            weight = _raw_weight(network.get_submodule(name))
            return torch.zeros_like(_filters(network.get_submodule(name), weight.detach()), device="cpu")
        return self._sums[name]


def _raw_weight(module: nn.Module) -> nn.Parameter:
    """The trained weight, also while a gate is attached to it."""
    parametrizations = getattr(module, "parametrizations", None)
    return (
        parametrizations.weight.original if parametrizations is not None else module.get_parameter("weight")
    )


class Taylor(_FilterImportance):
    """The study's: sum over steps of (weight x gradient)^2 per element, summed over the filter."""

    def update(
        self, network: nn.Module, gate_gradients: Mapping[int, Tensor], weight_scale: float = 1.0
    ) -> None:
        for name in self._graph.layers:
            module = network.get_submodule(name)
            weight = _raw_weight(module)
            if weight.grad is not None:
                squared = (weight.detach() * weight.grad / weight_scale).square()
                self._sums[name] = self._sums.get(name, torch.zeros(())) + _filters(module, squared).cpu()


class Magnitude(_FilterImportance):
    """L2 norm of the filters, no gradients."""

    def update(
        self, network: nn.Module, gate_gradients: Mapping[int, Tensor], weight_scale: float = 1.0
    ) -> None:
        return

    def _layer(self, network: nn.Module, name: str) -> Tensor:
        module = network.get_submodule(name)
        return _filters(module, _raw_weight(module).detach().square()).sqrt().cpu()


class TaylorGate:
    """First-order change of the loss when a whole unit goes: (gradient of its gate)^2, summed over steps.

    The reduction over tied layers is exact: the gate's gradient sums gradient x weight over every layer
    that reads the unit (Molchanov et al. 2019, arXiv 1906.10771, for groups).
    """

    def __init__(self, graph: ChannelGraph) -> None:
        self._graph = graph
        self.reset()

    def reset(self) -> None:
        self._sums = {group.index: torch.zeros(group.units) for group in self._graph.prunable}

    def state(self) -> dict[Any, Tensor]:
        return self._sums

    def restore(self, state: dict[Any, Tensor]) -> None:
        self._sums = state

    def update(
        self, network: nn.Module, gate_gradients: Mapping[int, Tensor], weight_scale: float = 1.0
    ) -> None:
        for index, gradient in gate_gradients.items():
            self._sums[index] += gradient.square()

    def scores(self, network: nn.Module) -> Scores:
        return dict(self._sums)


class Random:
    """The control: an order drawn once from torch's generator."""

    def __init__(self, graph: ChannelGraph) -> None:
        self._scores = {group.index: torch.rand(group.units) for group in graph.prunable}

    def state(self) -> dict[Any, Tensor]:
        return dict(self._scores)

    def restore(self, state: dict[Any, Tensor]) -> None:
        self._scores = state

    def reset(self) -> None:
        return

    def update(
        self, network: nn.Module, gate_gradients: Mapping[int, Tensor], weight_scale: float = 1.0
    ) -> None:
        return

    def scores(self, network: nn.Module) -> Scores:
        return dict(self._scores)


IMPORTANCES: dict[str, Callable[[ChannelGraph], Importance]] = {
    "taylor": Taylor,
    "taylor-gate": TaylorGate,
    "magnitude": Magnitude,
    "random": Random,
}
