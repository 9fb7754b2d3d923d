"""Augmentation of whole batches, on any device: what was drawn is done in a few tensor operations.

One resampling of picture and label does crop, scale, mirrors and perspective together, one matrix the light.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from descale.data.draws import Draws, Size, find_augmentation


def augment(
    name: str, images: Tensor, masks: Tensor, draws: Draws, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Do to every picture what was drawn for it.

    Args:
        name: of the augmentation.
        images: uint8 ``(N, 3, H, W)``.
        masks: uint8 ``(N, H, W)``; ids stay what they are.
        draws: for these N pictures, on the device of the images.
        size: (height, width) of the result.

    Returns:
        Pictures as float32 ``(N, 3, *size)``, 0..255, and labels as uint8 ``(N, *size)``.
    """
    kind = find_augmentation(name)
    if name == "none" and tuple(images.shape[-2:]) == tuple(size):
        return images.float(), masks
    if not kind.bends:
        sampled, labels = _resized(images, masks, draws.geometry, size)
    else:
        sampled, labels = _projected(images, masks, draws, size)
        sampled = torch.where(draws.equalize[:, None, None, None], _equalized(sampled), sampled)
    mean = sampled.mean((2, 3))[:, :, None]
    lit = torch.baddbmm(draws.mean_colour @ mean, draws.colour, sampled.flatten(2))
    return lit.clamp_(0.0, 255.0).view_as(sampled), labels


def _resized(images: Tensor, masks: Tensor, geometry: Tensor, size: Size) -> tuple[Tensor, Tensor]:
    """Windows brought to ``size``: bilinear, antialiased, as two matrix products; labels by nearest pixel."""
    weights, nearest = [], []
    for axis in range(2):  # across, down
        places = _centres(size[1 - axis], images.device) * geometry[:, axis, axis, None]
        length = images.shape[-1 - axis]
        there = (places + geometry[:, axis, 2, None] + 1.0) * (length / 2.0) - 0.5
        reach = (geometry[:, axis, axis].abs() * (length / size[1 - axis])).clamp(min=1.0)
        pixels = torch.arange(length, device=images.device, dtype=there.dtype)
        triangle = (1.0 - (pixels - there[..., None]).abs() / reach[:, None, None]).clamp_(min=0.0)
        weights.append(triangle / triangle.sum(-1, keepdim=True))
        nearest.append(there.round().long().clamp_(0, length - 1))
    across, down = weights
    sampled = down[:, None] @ images.float() @ across[:, None].transpose(-1, -2)
    picture = torch.arange(len(masks), device=masks.device)[:, None, None]
    return sampled, masks[picture, nearest[1][:, :, None], nearest[0][:, None, :]]


def _projected(images: Tensor, masks: Tensor, draws: Draws, size: Size) -> tuple[Tensor, Tensor]:
    """Seen through any projective map, black beyond the edge; sampled twice as finely, against aliasing."""
    finer = (2 * size[0], 2 * size[1])
    grid = _grid(draws.geometry, finer)
    sampled = functional.grid_sample(images.float(), grid, "bilinear", "zeros", align_corners=False)
    sampled = functional.avg_pool2d(sampled * _inside(draws.frame, finer)[:, None], 2)
    grid = _grid(draws.geometry, size)
    labels = functional.grid_sample(masks[:, None].float(), grid, "nearest", "zeros", align_corners=False)
    return sampled, (labels[:, 0] * _inside(draws.frame, size)).to(torch.uint8)


def _inside(frame: Tensor, size: Size) -> Tensor:
    """Which pixels ``(N, H, W)`` of the result show a part of the picture."""
    return _grid(frame, size).abs().amax(-1) <= 1.0


def _centres(length: int, device: torch.device) -> Tensor:
    """Middles of the pixels of a side, -1..1 from edge to edge."""
    return (torch.arange(length, device=device) + 0.5) * (2.0 / length) - 1.0


def _grid(geometry: Tensor, size: Size) -> Tensor:
    """Places in the source, -1..1, of every pixel of the result: ``(N, H, W, 2)``."""
    height, width = size
    x = _centres(width, geometry.device).expand(height, width)
    y = _centres(height, geometry.device)[:, None].expand(height, width)
    here = torch.stack([x, y, torch.ones_like(x)]).flatten(1)
    there = geometry @ here
    return (there[:, :2] / there[:, 2:]).transpose(1, 2).reshape(len(geometry), height, width, 2)


def _equalized(images: Tensor) -> Tensor:
    """Pictures ``(N, 3, H, W)``, 0..255, with the histogram of every colour spread out."""
    values = images.flatten(2).round().long()
    histogram = torch.zeros(*values.shape[:2], 256, device=images.device)
    histogram.scatter_add_(2, values, torch.ones_like(values, dtype=histogram.dtype))
    below = histogram.cumsum(2)
    # as Pillow and torchvision: the fullest value shows white, and the share below a value decides its place
    last = (histogram * (below == below[..., -1:])).amax(2, keepdim=True)
    step = ((below[..., -1:] - last) / 255.0).floor()
    table = ((below - histogram + (step / 2).floor()) / step.clamp(min=1.0)).floor().clamp(0.0, 255.0)
    spread = table.gather(2, values).view_as(images)
    return torch.where((step > 0)[..., None], spread, images)
