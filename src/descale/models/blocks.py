"""Blocks with rules of their own, which no dependency graph understands: all that pruning has to know of one.

A new one is an object here, in :data:`BLOCKS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import torch
from segmentation_models_pytorch.decoders.manet.decoder import PABBlock
from torch import Tensor, nn
from torch.nn import functional

Carrier = tuple[str, Literal["in", "out"]]
"""A side of one of a block's layers, by its name in the block; the empty name is the block itself."""


class Block(Protocol):
    """How blocks of one kind couple their channels, are gated, cut, counted and saved.

    Attributes:
        attributes: numbers of channels that such a block keeps itself, beside those of its layers.
        readers: layers that read the block's input; their gates are the block's own affair.
        inner: layers whose output channels are the same ones, and which nothing outside of the block knows.
    """

    attributes: tuple[str, ...]
    readers: tuple[str, ...]
    inner: tuple[str, ...]

    def channels(self, block: nn.Module, side: Literal["in", "out"]) -> int:
        """Channels that go in, or come out."""

    def carriers(self, side: Literal["in", "out"]) -> tuple[Carrier, ...]:
        """What loses a channel when the block's input or output does."""

    def inner_channels(self, block: nn.Module) -> int:
        """Output channels of the layers ``inner``."""

    def gated(
        self, block: nn.Module, inputs: Callable[[], Tensor], inner: Callable[[], Tensor]
    ) -> Callable[[Tensor], Tensor]:
        """A forward pass as if only the open channels existed.

        Args:
            block: the dense block.
            inputs: gives the gates of the input channels, float ``(C,)``, 1 open and 0 closed; their gradient
                scores the channels.
            inner: the same of the inner channels, closed ones included: a closed inner channel adds nothing.
        """

    def cut(self, block: nn.Module, inputs: int) -> None:
        """Keep the number of input channels that is left; the layers are cut by themselves."""


class PositionAttention(Block):
    """MA-Net's: ``softmax(center^T top) bottom``, added to its input.

    The product is reshaped from (positions, channels) to (channels, height, width) without being
    transposed. Channels are thereby mixed with positions, and their number (``in_channels``) is part of the
    reshape: zeroing a channel is not the same as removing it. While it is gated, the block therefore computes
    on the channels that stay. The two matrix products are not counted as MACs.
    """

    attributes = ("in_channels",)
    readers = ("top_conv", "center_conv", "bottom_conv", "out_conv")
    inner = ("top_conv", "center_conv")

    def channels(self, block: nn.Module, side: Literal["in", "out"]) -> int:
        assert isinstance(block, PABBlock)
        return int(block.in_channels if side == "in" else block.out_conv.out_channels)

    def carriers(self, side: Literal["in", "out"]) -> tuple[Carrier, ...]:
        if side == "out":
            return (("out_conv", "out"),)
        return (*((layer, "in") for layer in self.readers), ("bottom_conv", "out"), ("", "in"))

    def inner_channels(self, block: nn.Module) -> int:
        assert isinstance(block, PABBlock)
        return int(block.top_conv.out_channels)

    def gated(
        self, block: nn.Module, inputs: Callable[[], Tensor], inner: Callable[[], Tensor]
    ) -> Callable[[Tensor], Tensor]:
        def forward(x: Tensor) -> Tensor:
            gate = inputs()
            return _attend(block, x, open_channels(gate), gate, inner())

        return forward

    def cut(self, block: nn.Module, inputs: int) -> None:
        assert isinstance(block, PABBlock)
        block.in_channels = inputs


BLOCKS: dict[type[nn.Module], Block] = {PABBlock: PositionAttention()}


def find_block(module: nn.Module) -> Block | None:
    """The rules of a module, ``None`` where it has none of its own."""
    return BLOCKS.get(type(module))


def open_channels(gate: Tensor) -> Tensor:
    """Indices of the channels whose gate is not 0, int ``(open,)``.

    >>> open_channels(torch.tensor([1.0, 0.0, 1.0]))
    tensor([0, 2])
    """
    return gate.detach().nonzero().flatten()


def _attend(block: PABBlock, x: Tensor, inputs: Tensor, gate: Tensor, inner: Tensor) -> Tensor:
    """The output of ``block`` for ``x`` ``(N, C, H, W)`` on some input channels, with gates ``(C,)``, and
    with gates of the inner ones ``(I,)``, which multiply one factor of the product that sums over them."""
    batch, _, height, width = x.shape
    x = x[:, inputs] * gate[inputs].view(1, -1, 1, 1)

    def convolve(conv: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> Tensor:
        return functional.conv2d(x, weight[:, inputs], bias, padding=conv.padding)

    top = convolve(block.top_conv, block.top_conv.weight, block.top_conv.bias) * inner.view(1, -1, 1, 1)
    center = convolve(block.center_conv, block.center_conv.weight, block.center_conv.bias)
    bottom = convolve(block.bottom_conv, block.bottom_conv.weight[inputs], block.bottom_conv.bias[inputs])
    scores = torch.matmul(center.flatten(2).transpose(1, 2), top.flatten(2))
    positions = height * width
    scores = block.map_softmax(scores.view(batch, -1)).view(batch, positions, positions)
    mixed = torch.matmul(scores, bottom.flatten(2).transpose(1, 2))
    x = x + mixed.reshape(batch, len(inputs), height, width)
    return convolve(block.out_conv, block.out_conv.weight, block.out_conv.bias)
