"""Decode a split once, at the size the network sees, and keep it as 8-bit tensors, in memory or in a file."""

from __future__ import annotations

import logging
import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as transform

from descale.base.errors import DataError
from descale.base.machine import usable_cores
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
    follows ``size``. What is larger than ``max_gigabytes`` is kept in a temporary file that the system reads
    as it is needed (``TMPDIR`` says where); the file is gone with the process, however that ends.

    Args:
        samples: what to read; must not be empty.
        size: (height, width) in pixels.
        max_gigabytes: of memory to fill.

    Raises:
        DataError: a file cannot be read, or there is no room for the split on the disk.
    """
    if not samples:
        raise DataError("The split has no photos. Check the folder's layout with: descale data check DIR")
    gigabytes = len(samples) * size[0] * size[1] * 4 / 1e9
    empty = _in_memory
    if gigabytes > max_gigabytes:
        logger.info(
            "%d photos at %dx%d are %.1f GB, more than the %g GB kept in memory: a file in %s holds them",
            len(samples), *size, gigabytes, max_gigabytes, tempfile.gettempdir(),
        )  # fmt: skip
        empty = _in_file
    images = empty((len(samples), 3, *size), dtype=torch.uint8)
    masks = empty((len(samples), *size), dtype=torch.uint8)

    def load(index: int) -> None:
        photo, label = samples[index].read()
        image, mask = torch.from_numpy(photo).permute(2, 0, 1), torch.from_numpy(label)[None]
        images[index] = transform.resize(image, list(size), antialias=True)
        masks[index] = transform.resize(mask, list(size), interpolation=v2.InterpolationMode.NEAREST_EXACT)[0]

    with ThreadPoolExecutor(max_workers=min(4, usable_cores())) as pool:
        list(pool.map(load, range(len(samples))))
    return PixelArrays(images, masks)


def _in_memory(shape: tuple[int, ...], *, dtype: torch.dtype) -> Tensor:
    return torch.empty(shape, dtype=dtype)


def _in_file(shape: tuple[int, ...], *, dtype: torch.dtype) -> Tensor:
    """A tensor in a file that has no name any more, so that it goes with the process."""
    folder, count = tempfile.gettempdir(), math.prod(shape)
    if shutil.disk_usage(folder).free < count:
        raise DataError(
            f"{folder} has no room for {count / 1e9:.1f} GB of decoded photos. "
            "Set TMPDIR to a larger disk, or use a smaller size."
        )
    handle, path = tempfile.mkstemp(prefix="descale-pixels-")
    try:
        os.ftruncate(handle, count)
        return torch.from_file(path, shared=True, size=count, dtype=dtype).view(shape)
    finally:
        os.close(handle)
        os.unlink(path)
