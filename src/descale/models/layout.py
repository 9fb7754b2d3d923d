"""Memory layout: channels-last where it is faster and safe."""

from __future__ import annotations

import torch
from torch import nn

SAFE_MULTIPLE = 8


def memory_format(network: nn.Module) -> torch.memory_format:
    """Channels-last, except on the CPU for networks with a strided 1x1 convolution of odd width.

    oneDNN's backward pass in torch 2.14 writes outside its buffers ("double free or corruption") for those
    in channels-last: ResNet's shortcuts, once pruned. ``benchmarks/pruning/convolutions.py`` looks for
    other kinds of convolution that do it, and finds none.
    """
    if next(network.parameters()).device.type != "cpu":
        return torch.channels_last
    for module in network.modules():
        if not isinstance(module, nn.Conv2d):
            continue
        strided = max(module.kernel_size) == 1 and max(module.stride) > 1
        if strided and (module.in_channels % SAFE_MULTIPLE or module.out_channels % SAFE_MULTIPLE):
            return torch.contiguous_format
    return torch.channels_last
