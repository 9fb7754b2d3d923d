"""MA-Net's position attention, which no dependency graph understands: how it couples, gates and shrinks.

The block computes ``softmax(center^T top) bottom``, reshapes the result from (positions, channels) to
(channels, height, width) without transposing it, and adds its input. Channels are thereby mixed with
positions, and their number (``in_channels``) is part of the reshape: zeroing a channel is not the same as
removing it. While it is gated, the block therefore computes on the channels that stay.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch_pruning as tp
from segmentation_models_pytorch.decoders.manet.decoder import PABBlock
from torch import Tensor, nn
from torch.nn import functional

INPUT_LAYERS = ("top_conv", "center_conv", "bottom_conv", "out_conv")
INNER_LAYERS = ("top_conv", "center_conv")


class AttentionLeaf(tp.BasePruningFunc):
    """Makes the dependency graph see the block as one leaf; the cut itself is ours."""

    def prune_out_channels(self, layer: nn.Module, idxs: Sequence[int]) -> nn.Module:
        return layer

    def prune_in_channels(self, layer: nn.Module, idxs: Sequence[int]) -> nn.Module:
        return layer

    def get_out_channels(self, layer: PABBlock) -> int:
        return layer.out_conv.out_channels

    def get_in_channels(self, layer: PABBlock) -> int:
        return layer.in_channels


def attend(block: PABBlock, x: Tensor, inputs: Tensor, inner: Tensor, gate: Tensor) -> Tensor:
    """The block's output as if only some channels existed.

    Args:
        block: the dense block.
        x: ``(N, C, H, W)``.
        inputs: indices of the input channels that stay.
        inner: indices of the attention channels that stay.
        gate: float ``(C,)``, 1 for channels that stay; its gradient scores them.
    """
    batch, _, height, width = x.shape
    x = x[:, inputs] * gate[inputs].view(1, -1, 1, 1)

    def convolve(conv: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> Tensor:
        return functional.conv2d(x, weight[:, inputs], bias, padding=conv.padding)

    top = convolve(block.top_conv, block.top_conv.weight[inner], block.top_conv.bias[inner])
    center = convolve(block.center_conv, block.center_conv.weight[inner], block.center_conv.bias[inner])
    bottom = convolve(block.bottom_conv, block.bottom_conv.weight[inputs], block.bottom_conv.bias[inputs])
    scores = torch.matmul(center.flatten(2).transpose(1, 2), top.flatten(2))
    positions = height * width
    scores = block.map_softmax(scores.view(batch, -1)).view(batch, positions, positions)
    mixed = torch.matmul(scores, bottom.flatten(2).transpose(1, 2))
    x = x + mixed.reshape(batch, len(inputs), height, width)
    return convolve(block.out_conv, block.out_conv.weight, block.out_conv.bias)
