"""Batches depend on seed, epoch and step alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from descale.data.augment import make_augmentation
from descale.data.loading import PixelArrays
from descale.training.batches import AugmentedPhotos, Batch, epoch_loader, validation_batches

NUMBERED = PixelArrays(
    torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1).expand(10, 3, 32, 32).clone(),
    torch.zeros(10, 32, 32, dtype=torch.uint8),
)
"""Ten grey pictures; the value of every pixel is the picture's number."""


def batches(*, seed: int = 0, epoch: int = 0, augmentation: str = "none", workers: int = 0) -> list[Batch]:
    source = AugmentedPhotos(NUMBERED, make_augmentation(augmentation, (32, 32)))
    return list(epoch_loader(source, batch_size=4, seed=seed, epoch=epoch, workers=workers))


def numbers(found: list[Batch]) -> list[int]:
    return [int(image[0, 0, 0]) for batch in found for image in batch["image"]]


def equal(first: list[Batch], second: list[Batch]) -> bool:
    pairs: list[tuple[Tensor, Tensor]] = [
        (a[key], b[key]) for a, b in zip(first, second, strict=True) for key in ("image", "mask")
    ]
    return all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_an_epoch_shows_each_picture_at_most_once_and_full_batches_only() -> None:
    found = batches()
    assert [len(batch["image"]) for batch in found] == [4, 4]
    assert len(set(numbers(found))) == 8


def test_other_epochs_leave_out_other_pictures() -> None:
    left_out = {frozenset(range(10)) - set(numbers(batches(epoch=epoch))) for epoch in range(6)}
    assert len(left_out) > 1


def test_seed_and_epoch_decide_order_and_augmentation() -> None:
    first = batches(seed=1, epoch=2, augmentation="standard")
    assert equal(first, batches(seed=1, epoch=2, augmentation="standard"))
    assert not equal(first, batches(seed=1, epoch=3, augmentation="standard"))
    assert not equal(first, batches(seed=2, epoch=2, augmentation="standard"))


def test_batches_of_worker_processes_are_the_same() -> None:
    assert equal(batches(augmentation="standard"), batches(augmentation="standard", workers=1))


def test_drawing_a_batch_leaves_the_global_generator_alone() -> None:
    source = AugmentedPhotos(NUMBERED, make_augmentation("standard", (32, 32)))
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    source.batch(torch.arange(4), seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_a_split_smaller_than_a_batch_is_one_batch() -> None:
    source = AugmentedPhotos(NUMBERED, make_augmentation("none", (32, 32)))
    (only,) = epoch_loader(source, batch_size=64, seed=0, epoch=0)
    assert sorted(numbers([only])) == list(range(10))


@pytest.mark.parametrize("batch_size", [1, 4, 10, 16])
def test_validation_shows_every_picture_once_in_order(batch_size: int) -> None:
    assert numbers(list(validation_batches(NUMBERED, batch_size))) == list(range(10))


def test_any_seed_of_a_study_gives_batches() -> None:
    first, second = (
        numbers(batches(seed=seed, epoch=999, augmentation="standard")) for seed in (2**31 - 1, 2**31 - 2)
    )
    assert len(first) == 8
    assert first != second
