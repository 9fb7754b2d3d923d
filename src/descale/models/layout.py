"""Memory layout: channels-last where it is faster and safe."""

from __future__ import annotations

import torch
from torch import nn

SAFE_MULTIPLE = 8


def memory_format(network: nn.Module) -> torch.memory_format:
    """Channels-last for networks of regular widths, the plain layout for others on the CPU.

    oneDNN's backward pass in torch 2.14 writes outside its buffers ("double free or corruption") for
    channels-last convolutions of odd widths, which pruned networks have; found with ResNet-18 cut to
    0.5-0.93 and gone in the plain layout.
    """
    if next(network.parameters()).device.type != "cpu":
        return torch.channels_last
    for module in network.modules():
        if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            continue
        image_or_head = module.in_channels == 3 or module.out_channels < SAFE_MULTIPLE
        if module.out_channels % SAFE_MULTIPLE and not image_or_head:
            return torch.contiguous_format
    return torch.channels_last
