"""Decoders that end at half resolution: without their last block, the class logits enlarged instead."""

from __future__ import annotations

from torch import nn


def end_at_half(network: nn.Module) -> None:
    """Let a U-Net, U-Net++, LinkNet or MA-Net decide at half the picture's resolution, in place.

    The decoder loses its last block, the only one that works at the picture's own resolution and, without a
    skip, sees nothing there that the block before did not see. The head reads what that block read, and its
    logits ``(N, K, H/2, W/2)`` are enlarged to ``(N, K, H, W)`` bilinearly, as pixels lie: by centres, not by
    corners, so that the factor is 2 at every size.

    Args:
        network: of segmentation_models_pytorch, dense, with the blocks of its decoder in ``decoder.blocks``.
    """
    decoder = network.get_submodule("decoder")
    blocks = decoder.get_submodule("blocks")
    name, last = list(blocks.named_children())[-1]
    if isinstance(blocks, nn.ModuleDict):  # U-Net++ calls its blocks by name
        blocks[name] = nn.Identity()
    else:
        del blocks[-1]
    width = next(layer for layer in last.modules() if isinstance(layer, nn.Conv2d)).in_channels
    full = network.get_submodule("segmentation_head.0")
    assert isinstance(full, nn.Conv2d)
    head = nn.Conv2d(width, full.out_channels, full.kernel_size, padding=full.padding)
    nn.init.xavier_uniform_(head.weight)  # as segmentation_models_pytorch does
    nn.init.zeros_(head.bias)
    network.segmentation_head = nn.Sequential(
        head, nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    )
