"""Gate equals cut, checked on the network at hand."""

from __future__ import annotations

import torch
from torch import nn

from descale.base.errors import PruningError
from descale.pruning.channels import ChannelGraph, Keep
from descale.pruning.gates import Gates

EXACT = 1e-3
"""Largest difference between gated and cut logits, relative to their spread, before a cut is refused."""


def check_exact(network: nn.Module, graph: ChannelGraph, keep: Keep, cut: nn.Module) -> None:
    """Refuse a cut that changes the function: the guard against a layer the graph misunderstood.

    Args:
        network: before the cut, without gates; moved to the CPU.
        graph: its groups.
        keep: the units that stay.
        cut: the network after the cut.

    Raises:
        PruningError: gated and cut network differ by more than :data:`EXACT`.
    """
    gates = Gates(network, graph)
    gates.set(keep)
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            gated, after = network.cpu().eval()(x), cut.eval()(x)
    finally:
        gates.remove()
    difference = float((gated - after).abs().max() / gated.std().clamp(min=1e-3))
    if not difference <= EXACT:  # nan too
        raise PruningError(
            f"Cutting changed the network's output by {difference:.1e} of its spread: some layer couples "
            "channels in a way that is not understood. Please report the architecture and encoder."
        )
