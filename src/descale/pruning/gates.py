"""Gates: switch units of channels off without removing them, so that a schedule can still change its mind.

A gate multiplies the weights that *read* a channel, that is after the norm and the activation, so
nothing leaks through a norm's bias; convolution being linear, this equals a gate on the channel itself.
Layers that mix channels without weights (layer norm, MA-Net's attention) compute on the open channels only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from descale.models.blocks import Block, find_block, open_channels
from descale.pruning.channels import ChannelGraph, Keep, Slot


class _GatedWeight(nn.Module):
    """Weight -> weight with the slices of closed channels zeroed."""

    def __init__(self, gates: Gates, index: Tensor, shape: tuple[int, ...]) -> None:
        super().__init__()
        self._gates, self._index, self._shape = [gates], index, shape  # in a list: not a submodule

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self._gates[0].values[self._index].view(self._shape)


class Gates:
    """Gates of all prunable groups of a network.

    Attributes:
        values: float ``(all units + 1,)``; 1 open, 0 closed; the last is always 1 and belongs to channels
            of no group. With ``scored=True`` its gradient is that of the loss with respect to every gate:
            the sum of gradient x weight over the slices that read the channel.
    """

    def __init__(self, network: nn.Module, graph: ChannelGraph, *, scored: bool = False) -> None:
        self._network, self._graph = network, graph
        self._starts = {group.index: graph.spans[group.index].start for group in graph.prunable}
        device = next(network.parameters()).device
        self.values = torch.ones(graph.total + 1, device=device, requires_grad=scored)
        self._gated: list[nn.Module] = []
        self._patched: list[nn.Module] = []
        self._attach()

    def to(self, device: torch.device | str) -> None:
        """Follow the network to a device; the layers share these values, so it does not move them."""
        self.values = self.values.detach().to(device).requires_grad_(self.values.requires_grad)

    def set(self, keep: Keep) -> None:
        """Open and close gates; groups that are not named stay as they are."""
        with torch.no_grad():
            for group, mask in keep.items():
                opened = torch.from_numpy(mask.astype(np.float32))
                self.values[self._graph.spans[group]] = opened.to(self.values.device)

    def open(self, mask: Tensor) -> None:
        """Open the gates of a mask over all units, bool ``(all units,)``, and close all others."""
        with torch.no_grad():
            self.values[:-1] = mask.to(self.values.dtype)

    def gradient(self) -> Tensor:
        """Gradient of the loss with respect to every gate, float ``(all units,)``, then reset to zero.

        It stays on the device. Units are in the order of :attr:`ChannelGraph.spans`; those without a gate
        have none.
        """
        gradient, self.values.grad = self.values.grad, None
        return torch.zeros_like(self.values[:-1]) if gradient is None else gradient[:-1].detach()

    def remove(self) -> None:
        """Take all gates off; the weights are as they were trained, not multiplied."""
        for module in self._gated:
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=False)
        for module in self._patched:
            del module.__dict__["forward"]
        self._gated, self._patched = [], []

    def _index(self, slot: Slot) -> Tensor:
        """Position in ``values`` of each channel of a slot."""
        index = np.full(len(slot.groups), len(self.values) - 1, dtype=np.int64)
        for group, start in self._starts.items():
            chosen = slot.groups == group
            index[chosen] = start + slot.units[chosen]
        return torch.from_numpy(index)

    def _attach(self) -> None:
        modules = dict(self._network.named_modules())
        inside = {
            f"{name}.{layer}"
            for name, module in modules.items()
            if (block := find_block(module)) is not None
            for layer in block.readers
        }
        for (name, side), slot in self._graph.slots.items():
            module = modules.get(name)
            if module is None or name in inside:
                continue
            if (block := find_block(module)) is not None:
                # also where its input stays whole: its inner channels have no reader to gate
                self._patch(module, self._block(block, module, name, self._index(slot)))
            elif not set(slot.groups.tolist()) & set(self._starts):
                continue
            elif isinstance(module, nn.LayerNorm):
                self._patch(module, self._layer_norm(module, self._index(slot)))
            elif side == "in":
                self._gate(module, slot)

    def _gate(self, module: nn.Module, slot: Slot) -> None:
        weight = module.get_parameter("weight")
        index = self._index(slot)
        groups = getattr(module, "groups", 1)
        dimension = 0 if isinstance(module, nn.ConvTranspose2d) else 1
        if groups > 1:  # one conv group is one unit: close its rows
            rows = torch.arange(weight.shape[0])
            index = index[rows // (weight.shape[0] // groups) * (len(index) // groups)]
            dimension = 0
        shape = tuple(len(index) if d == dimension else 1 for d in range(weight.ndim))
        parametrize.register_parametrization(module, "weight", _GatedWeight(self, index, shape), unsafe=True)
        self._gated.append(module)

    def _patch(self, module: nn.Module, forward: Callable[..., Tensor]) -> None:
        module.__dict__["forward"] = forward  # an instance attribute goes before the class's method
        self._patched.append(module)

    def _block(self, block: Block, module: nn.Module, name: str, inputs: Tensor) -> Callable[..., Tensor]:
        inner = self._index(self._graph.slots[(f"{name}.{block.inner[0]}", "out")])
        return block.gated(module, lambda: self.values[inputs], lambda: self.values[inner])

    def _layer_norm(self, norm: nn.LayerNorm, index: Tensor) -> Callable[[Tensor], Tensor]:
        channels_first = type(norm).__name__ == "LayerNorm2d"

        def forward(x: Tensor) -> Tensor:
            x = x.movedim(1, -1) if channels_first else x
            chosen = open_channels(self.values[index])
            y = functional.layer_norm(
                x[..., chosen], (len(chosen),), norm.weight[chosen], norm.bias[chosen], norm.eps
            )
            y = torch.zeros_like(x).index_copy(-1, chosen, y)
            return y.movedim(-1, 1) if channels_first else y

        return forward
