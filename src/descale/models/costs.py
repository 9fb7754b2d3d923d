"""What a network costs: parameters, multiply-accumulates, bytes on disk."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LayerCost:
    """Cost of one layer at one input size.

    Attributes:
        macs: multiply-accumulates of one forward pass of one image.
        positions: output positions (height x width) of a convolution; input positions of a
            transposed one.
    """

    macs: int
    positions: int


def count_parameters(network: nn.Module) -> int:
    """Number of learnable parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def layer_costs(network: nn.Module, size: tuple[int, int]) -> dict[str, LayerCost]:
    """MACs of every convolution and linear layer for one image.

    Convention: one multiply-accumulate is one MAC; biases, norms, activations, resizing and the two
    matrix products of MA-Net's attention are not counted, as usual in the pruning literature.

    Args:
        network: any network of :func:`descale.models.build_network`, dense or pruned.
        size: (height, width) of the input in pixels.
    """
    costs: dict[str, LayerCost] = {}
    shapes_alone = copy.deepcopy(network).to("meta").eval()  # sizes are followed, nothing is computed
    for name, module in shapes_alone.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):

            def record(m: nn.Module, given: tuple[Tensor, ...], out: Tensor, name: str = name) -> None:
                reference = given[0] if isinstance(m, nn.ConvTranspose2d) else out
                if isinstance(m, nn.Linear):
                    positions = reference.numel() // reference.shape[-1]
                else:
                    positions = reference.shape[-2] * reference.shape[-1]
                macs = positions * m.get_parameter("weight").numel()
                previous = costs.get(name, LayerCost(0, 0))  # a layer may be called more than once
                costs[name] = LayerCost(previous.macs + macs, previous.positions + positions)

            module.register_forward_hook(record)
    with torch.no_grad():
        shapes_alone(torch.zeros(1, 3, *size, device="meta", dtype=next(network.parameters()).dtype))
    return costs


def count_macs(network: nn.Module, size: tuple[int, int]) -> int:
    """Multiply-accumulates of one forward pass of one image of ``size`` (height, width)."""
    return sum(cost.macs for cost in layer_costs(network, size).values())


def weights_bytes(folder: Path) -> int:
    """Bytes of the saved weights in a model folder."""
    return (folder / "model.safetensors").stat().st_size
