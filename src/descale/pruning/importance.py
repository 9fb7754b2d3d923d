"""Importance of channel units: one registry, each entry accumulates from gradients and gives scores.

What is gathered stays on the device of the network, and nothing here waits for it.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from descale.pruning.channels import ChannelGraph

Scores = dict[int, Tensor]
"""Group -> one float per unit; more is more important."""


class Importance:
    """Accumulates after every backward pass.

    Args:
        graph: groups of the network, those that an earlier part of a schedule has cut included.

    Attributes:
        running: scores run on over a whole schedule, cuts and all, instead of being gathered anew for every
            update. Masks follow them at every step, and a closed unit may open again, until the
            schedule has reached its end.
    """

    running: ClassVar[bool] = False

    def __init__(self, graph: ChannelGraph) -> None:
        self._graph = graph
        self._sums: dict[str, Tensor] = {}

    def update(self, network: nn.Module, gate_gradient: Tensor, unscale: Tensor | None = None) -> None:
        """Add what one step's gradients tell.

        Args:
            network: with gradients in its weights.
            gate_gradient: float ``(all units,)``, see :meth:`descale.pruning.gates.Gates.gradient`.
            unscale: of 16-bit training, the factor that makes the gradients of the weights true ones, 0 in a
                step that overflowed; ``None`` where they are true already.
        """

    def scores(self, network: nn.Module) -> Tensor:
        """Scores so far, float ``(all units,)`` in the order of :attr:`ChannelGraph.spans`."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget what was accumulated."""
        self._sums = {}

    def state(self) -> dict[str, Tensor]:
        """What was accumulated, for a checkpoint."""
        return dict(self._sums)

    def restore(self, state: dict[str, Tensor]) -> None:
        """Inverse of :meth:`state`."""
        self._sums = dict(state)

    def _add(self, key: str, values: Tensor) -> None:
        before = self._sums.get(key)
        self._sums[key] = values if before is None else before.to(values.device) + values

    def _of_units(self) -> Tensor:
        return self._sums.get("units", torch.zeros(self._graph.total))


def by_group(graph: ChannelGraph, values: Tensor) -> Scores:
    """A vector over all units, taken apart: prunable group -> ``(units,)``."""
    return {group.index: values[graph.spans[group.index]] for group in graph.prunable}


class _FilterImportance(Importance):
    """Something for every filter; layers tied in a group share the mean."""

    def scores(self, network: nn.Module) -> Tensor:
        device = next(network.parameters()).device
        found = torch.zeros(self._graph.total, device=device)
        for group in self._graph.prunable:
            parts = []
            for name in group.producers:
                units = torch.from_numpy(self._graph.slots[(name, "out")].units).to(device)
                values = self._layer(network, name).to(device)
                parts.append(torch.zeros(group.units, device=device).index_add_(0, units, values))
            found[self._graph.spans[group.index]] = torch.stack(parts).mean(0)
        return found

    def _layer(self, network: nn.Module, name: str) -> Tensor:
        """Float ``(channels,)`` of one layer."""
        raise NotImplementedError


class Taylor(_FilterImportance):
    """The study's: sum over steps of (weight x gradient)^2 per element, summed over the filter."""

    def update(self, network: nn.Module, gate_gradient: Tensor, unscale: Tensor | None = None) -> None:
        for name in self._graph.layers:
            module = network.get_submodule(name)
            weight = _raw_weight(module)
            if weight.grad is None:
                continue
            product = weight.detach() * weight.grad
            if unscale is not None:
                product = torch.where(unscale > 0, product * unscale, 0.0)
            self._add(name, _filters(module, product.square()))

    def _layer(self, network: nn.Module, name: str) -> Tensor:
        return self._sums.get(name, torch.zeros(len(self._graph.slots[(name, "out")].units)))


class Magnitude(_FilterImportance):
    """L2 norm of the filters, no gradients."""

    def _layer(self, network: nn.Module, name: str) -> Tensor:
        module = network.get_submodule(name)
        return _filters(module, _raw_weight(module).detach().square()).sqrt()


class TaylorGate(Importance):
    """First-order change of the loss when a whole unit goes: (gradient of its gate)^2, summed over steps.

    The reduction over tied layers is exact: the gate's gradient sums gradient x weight over every layer
    that reads the unit (Molchanov et al. 2019, arXiv 1906.10771, for groups).
    """

    def update(self, network: nn.Module, gate_gradient: Tensor, unscale: Tensor | None = None) -> None:
        self._add("units", gate_gradient.square())

    def scores(self, network: nn.Module) -> Tensor:
        return self._of_units()


class Movement(Importance):
    """Structured movement: one score per unit, plain accumulation (Sanh et al. 2020, eq. 3).

    ``S <- S - dL/dg`` where ``g`` is the unit's gate at its present value, 0 or 1; only the order of scores
    counts, so their learning rate is 1. The gate's gradient is the sum of gradient x weight over the slices
    that read the unit, so closed units are scored too (straight-through), but for the input of MA-Net's
    attention, whose closed channels take no part in its reshape. Weights that move away from zero raise the
    score.
    """

    running = True

    def update(self, network: nn.Module, gate_gradient: Tensor, unscale: Tensor | None = None) -> None:
        self._add("units", -gate_gradient)

    def scores(self, network: nn.Module) -> Tensor:
        return self._of_units()


class Random(Importance):
    """The control: an order drawn once from torch's generator."""

    def __init__(self, graph: ChannelGraph) -> None:
        super().__init__(graph)
        values = torch.zeros(graph.total)
        for group, there in graph.keep_all().items():
            values[graph.spans[group]][torch.from_numpy(there)] = torch.rand(int(there.sum()))
        self._sums = {"units": values}

    def reset(self) -> None:
        return

    def scores(self, network: nn.Module) -> Tensor:
        return self._of_units()


IMPORTANCES: dict[str, type[Importance]] = {
    "taylor": Taylor,
    "taylor-gate": TaylorGate,
    "magnitude": Magnitude,
    "movement": Movement,
    "random": Random,
}


def _filters(module: nn.Module, values: Tensor) -> Tensor:
    """Sum over each filter (output channel) of a weight-shaped tensor."""
    return (
        values.transpose(0, 1).flatten(1).sum(1)
        if isinstance(module, nn.ConvTranspose2d)
        else values.flatten(1).sum(1)
    )


def _raw_weight(module: nn.Module) -> nn.Parameter:
    """The trained weight, also while a gate is attached to it."""
    parametrizations = getattr(module, "parametrizations", None)
    return (
        parametrizations.weight.original if parametrizations is not None else module.get_parameter("weight")
    )
