"""Decode a split once, at the size the network sees, and keep it in memory as 8-bit tensors."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as transform

from descale.data.sample import Sample

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PixelArrays:
    """Pictures and labels of one split.

    Attributes:
        images: uint8 ``(N, 3, H, W)`` RGB.
        masks: uint8 ``(N, H, W)`` class ids.
    """

    images: Tensor
    masks: Tensor

    def __len__(self) -> int:
        return self.images.shape[0]


def load_split(
    samples: Sequence[Sample], size: tuple[int, int], *, max_gigabytes: float = 8.0
) -> PixelArrays:
    """Decode and resize samples.

    Photos are resized bilinearly with antialiasing, labels by the nearest pixel; the aspect ratio
    follows ``size``.

    Args:
        samples: what to read; must not be empty.
        size: (height, width) in pixels.
        max_gigabytes: refuse to fill more memory than this.

    Raises:
        DataError: a file cannot be read, or the split does not fit into memory.
    """
    from descale.base.errors import DataError

    if not samples:
        raise DataError("The split has no photos. Check the folder's layout with: descale data check DIR")
    gigabytes = len(samples) * size[0] * size[1] * 4 / 1e9
    if gigabytes > max_gigabytes:
        raise DataError(
            f"{len(samples)} photos at {size[0]}x{size[1]} need {gigabytes:.1f} GB of memory, the limit is "
            f"{max_gigabytes:g} GB. Use a smaller size."
        )
    images = torch.empty(len(samples), 3, *size, dtype=torch.uint8)
    masks = torch.empty(len(samples), *size, dtype=torch.uint8)

    def load(index: int) -> None:
        sample = samples[index]
        image = torch.from_numpy(sample.read_image()).permute(2, 0, 1)
        mask = torch.from_numpy(sample.read_mask())[None]
        images[index] = transform.resize(image, list(size), antialias=True)
        masks[index] = transform.resize(mask, list(size), interpolation=v2.InterpolationMode.NEAREST_EXACT)[0]

    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        list(pool.map(load, range(len(samples))))
    return PixelArrays(images, masks)
