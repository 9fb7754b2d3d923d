"""Batches that depend on the seed, the epoch and the step alone, so that a resumed run repeats exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from descale.data.augment import Augmentation, augment_batch
from descale.data.loading import PixelArrays

Batch = dict[str, Tensor]
"""``image`` uint8 (N, 3, H, W), ``mask`` uint8 (N, H, W), and ``soft`` float16 (N, K, H, W) logits of a
teacher where there is one."""


SEEDS = 2**62
"""Seeds of batches stay below this; torch takes no more than 64 bits."""


class BatchSource(Protocol):
    """Something that can be cut into batches."""

    def steps(self, batch_size: int) -> int:
        """Number of batches in an epoch."""

    def batch(self, indices: Tensor, seed: int) -> Batch:
        """The batch of the given pictures, augmented from ``seed``."""

    def __len__(self) -> int: ...


class AugmentedPhotos:
    """Photos of a split, augmented anew in every epoch."""

    def __init__(self, arrays: PixelArrays, augmentation: Augmentation) -> None:
        self._arrays = arrays
        self._augmentation = augmentation

    def __len__(self) -> int:
        return len(self._arrays)

    def steps(self, batch_size: int) -> int:
        return max(1, len(self) // batch_size)

    def batch(self, indices: Tensor, seed: int) -> Batch:
        images, masks = augment_batch(
            self._augmentation, self._arrays.images[indices], self._arrays.masks[indices], seed=seed
        )
        return {"image": images, "mask": masks}


class _Epoch(Dataset[Batch]):
    """One epoch: item ``i`` is the whole batch ``i``."""

    def __init__(self, source: BatchSource, batch_size: int, seed: int) -> None:
        self._source = source
        self._seed = seed
        generator = torch.Generator().manual_seed(seed)
        steps = source.steps(batch_size)
        self._order = torch.randperm(len(source), generator=generator)[: steps * batch_size].chunk(steps)

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, step: int) -> Batch:
        return self._source.batch(self._order[step], seed=self._seed + 1 + step)


def epoch_loader(
    source: BatchSource, *, batch_size: int, seed: int, epoch: int, workers: int = 0
) -> DataLoader[Batch]:
    """Batches of one epoch, in an order and with augmentations fixed by ``seed`` and ``epoch``.

    The last pictures that fill no batch are left out of this epoch; another order leaves out others.
    """
    # distinct seeds per epoch and step: an epoch never has 100,003 steps in practice
    dataset = _Epoch(source, batch_size, seed=(seed * 1_000_003 + epoch) * 100_003 % SEEDS)
    # a plain fork copies the locks of threads that torch or Ray run by now, and can hang for ever
    context = "forkserver" if workers else None
    return DataLoader(dataset, batch_size=None, num_workers=workers, multiprocessing_context=context)


def validation_batches(arrays: PixelArrays, batch_size: int) -> DataLoader[Batch]:
    """The pictures of a split as they are, in order."""
    starts = list(range(0, len(arrays), batch_size))

    class _Fixed(Dataset[Batch]):
        def __len__(self) -> int:
            return len(starts)

        def __getitem__(self, step: int) -> Batch:
            chosen = slice(starts[step], starts[step] + batch_size)
            return {"image": arrays.images[chosen], "mask": arrays.masks[chosen]}

    return DataLoader(_Fixed(), batch_size=None)


Reload = Callable[[int], DataLoader[Batch]]
"""Epoch number -> its batches."""
