"""Batches that depend on the seed, the epoch and the step alone, so that a resumed run repeats exactly.

Pictures stay 8-bit tensors in the memory of the device that trains, if they fit; what happens to each in an
epoch is drawn before it begins, so that nothing is computed on the host between two steps.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import Tensor

from descale.base.errors import TrainingError
from descale.data.augment import augment
from descale.data.draws import Draws, draw
from descale.data.loading import PixelArrays
from descale.models.spec import STRIDE

logger = logging.getLogger(__name__)

SEEDS = 2**62
"""Seeds of epochs stay below this; torch takes no more than 64 bits."""

SHARE_OF_MEMORY = 0.4
"""Pictures take no more than this share of what is free on a device; the network needs the rest."""

Batch = tuple[Tensor, Tensor]
"""Pictures float32 ``(N, 3, H, W)``, 0..255, and labels uint8 ``(N, H, W)``."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch shows.

    Attributes:
        order: int64 ``(steps, N)``, the numbers of the pictures of every batch.
        draws: what happens to each of them, in that order.
    """

    order: Tensor
    draws: Draws

    def __len__(self) -> int:
        return len(self.order)

    def step(self, index: int) -> tuple[Tensor, Draws]:
        """Numbers of the pictures of one batch, and what happens to them."""
        size = self.order.shape[1]
        return self.order[index], self.draws[slice(index * size, (index + 1) * size)]


class TrainingPictures:
    """The pictures of a split, augmented anew in every epoch.

    Args:
        arrays: pictures and labels.
        augmentation: name of an augmentation.
        size: (height, width) of the augmented pictures.
    """

    def __init__(self, arrays: PixelArrays, augmentation: str, size: tuple[int, int]) -> None:
        self.arrays, self.augmentation, self.size = arrays, augmentation, size
        self._source = (int(arrays.images.shape[-2]), int(arrays.images.shape[-1]))
        self.resident = True

    def __len__(self) -> int:
        return len(self.arrays)

    def require_enough(self, batch_size: int) -> None:
        """Make sure that a step leaves more than one value a channel to normalise by.

        Raises:
            TrainingError: the pictures are too small, or too few.
        """
        height, width = self.size
        shown = min(batch_size, len(self))
        if shown * (height // STRIDE) * (width // STRIDE) < 2:
            raise TrainingError(
                f"{shown} picture of {height}x{width} a step leaves one value to normalise by: take larger "
                "pictures (size, crop, recovery_scale), larger batches (batch_size, recovery_batch) or more "
                "photos."
            )

    def steps(self, batch_size: int) -> int:
        """Number of batches in an epoch; the last pictures that fill no batch are left out of it."""
        return max(1, len(self) // batch_size)

    def to(self, device: torch.device) -> TrainingPictures:
        """The same with the pictures in the memory of a device, or, if they do not fit, on the way to it."""
        if self.arrays.images.device == device:
            return self
        moved = TrainingPictures(self.arrays, self.augmentation, self.size)
        need = self.arrays.images.nbytes + self.arrays.masks.nbytes
        free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else need / SHARE_OF_MEMORY
        if need <= SHARE_OF_MEMORY * free:
            moved.arrays = PixelArrays(self.arrays.images.to(device), self.arrays.masks.to(device))
            return moved
        logger.info(
            "the photos need %.1f GB, %.1f are free on the device: every batch is copied there",
            need / 1e9,
            free / 1e9,
        )
        moved.resident = False
        return moved

    def epoch(self, *, batch_size: int, seed: int, epoch: int, device: torch.device | None = None) -> Epoch:
        """Order and augmentation of an epoch, fixed by ``seed`` and ``epoch``.

        Other epochs leave out other pictures where the last fill no batch.
        """
        own = (seed * 1_000_003 + epoch) * 100_003 % SEEDS
        steps = self.steps(batch_size)
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(own))
        order = order[: steps * batch_size].view(steps, -1)
        draws = draw(self.augmentation, order.numel(), source=self._source, size=self.size, seed=own + 1)
        if device is None or device.type == "cpu":
            return Epoch(order, draws)
        return Epoch(order.to(device) if self.resident else order, draws.to(device))

    def raw(self, numbers: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        """Pictures and labels by number, as they are kept, on ``device``."""
        images, masks = self.arrays.images[numbers], self.arrays.masks[numbers]
        if self.resident or device.type == "cpu":
            return images.to(device), masks.to(device)
        return (
            images.pin_memory().to(device, non_blocking=True),
            masks.pin_memory().to(device, non_blocking=True),
        )

    def augmented(self, images: Tensor, masks: Tensor, draws: Draws) -> Batch:
        """A batch from pictures as they are kept."""
        return augment(self.augmentation, images, masks, draws, self.size)

    def batch(self, numbers: Tensor, seed: int) -> Batch:
        """The pictures of these numbers, augmented from ``seed``."""
        draws = draw(self.augmentation, len(numbers), source=self._source, size=self.size, seed=seed)
        device = self.arrays.images.device
        return self.augmented(*self.raw(numbers, device), draws.to(device))
