"""Decoders that end at half resolution: without their last block, the class logits enlarged instead."""

from __future__ import annotations

from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.base.initialization import initialize_head
from torch import nn


def end_at_half(network: nn.Module) -> None:
    """Let a U-Net, U-Net++, LinkNet or MA-Net decide at half the picture's resolution, in place.

    The decoder loses its last block, the only one that works at the picture's own resolution and, without a
    skip, sees nothing there that the block before did not see. A new head reads what that block read, and its
    logits ``(N, K, H/2, W/2)`` are enlarged to ``(N, K, H, W)`` bilinearly, as pixels lie: by centres, not by
    corners, so that the weights are the same at every size.

    Args:
        network: of segmentation_models_pytorch, dense, with the blocks of its decoder in ``decoder.blocks``.
    """
    blocks = network.get_submodule("decoder.blocks")
    name, last = list(blocks.named_children())[-1]
    if isinstance(blocks, nn.ModuleDict):  # U-Net++ calls its blocks by name
        blocks[name] = nn.Identity()
    else:
        assert isinstance(blocks, nn.ModuleList)
        del blocks[-1]
    read = next(layer for layer in last.modules() if isinstance(layer, nn.Conv2d)).in_channels
    whole = network.get_submodule("segmentation_head.0")
    assert isinstance(whole, nn.Conv2d)
    head = SegmentationHead(read, whole.out_channels, kernel_size=whole.kernel_size[0])
    initialize_head(head)
    head[1] = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    network.segmentation_head = head
