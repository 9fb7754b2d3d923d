"""Batches depend on seed, epoch and step alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from descale.data.loading import PixelArrays
from descale.training import batches as subject
from descale.training.batches import TrainingPictures

SIZE = (32, 32)
NUMBERED = PixelArrays(
    torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1).expand(10, 3, *SIZE).clone(),
    torch.zeros(10, *SIZE, dtype=torch.uint8),
)
"""Ten grey pictures; the value of every pixel is the picture's number."""


def pictures(augmentation: str = "none") -> TrainingPictures:
    return TrainingPictures(NUMBERED, augmentation, SIZE)


def batches(
    *, seed: int = 0, epoch: int = 0, augmentation: str = "none", batch_size: int = 4
) -> list[tuple[Tensor, Tensor]]:
    source = pictures(augmentation)
    shown = source.epoch(batch_size=batch_size, seed=seed, epoch=epoch)
    found = []
    for index in range(len(shown)):
        order, draws = shown.step(index)
        found.append(source.augmented(*source.raw(order, torch.device("cpu")), draws))
    return found


def numbers(found: list[tuple[Tensor, Tensor]]) -> list[int]:
    return [int(image[0, 0, 0]) for images, _ in found for image in images]


def equal(first: list[tuple[Tensor, Tensor]], second: list[tuple[Tensor, Tensor]]) -> bool:
    return all(
        torch.equal(ours, theirs)
        for a, b in zip(first, second, strict=True)
        for ours, theirs in zip(a, b, strict=True)
    )


def test_an_epoch_shows_each_picture_at_most_once_and_full_batches_only() -> None:
    found = batches()
    assert [len(images) for images, _ in found] == [4, 4]
    assert len(set(numbers(found))) == 8
    assert pictures().steps(4) == 2


def test_other_epochs_leave_out_other_pictures_and_show_them_in_another_order() -> None:
    epochs = [numbers(batches(epoch=epoch)) for epoch in range(6)]
    assert len({frozenset(range(10)) - set(shown) for shown in epochs}) > 1
    assert len({tuple(shown) for shown in epochs}) == 6


def test_seed_and_epoch_decide_order_and_augmentation() -> None:
    first = batches(seed=1, epoch=2, augmentation="standard")
    assert equal(first, batches(seed=1, epoch=2, augmentation="standard"))
    assert not equal(first, batches(seed=1, epoch=3, augmentation="standard"))
    assert not equal(first, batches(seed=2, epoch=2, augmentation="standard"))


def test_drawing_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    pictures("standard").batch(torch.arange(4), seed=1)
    batches(augmentation="paper")
    assert torch.equal(torch.rand(3), expected)


def test_a_split_smaller_than_a_batch_is_one_batch() -> None:
    assert sorted(numbers(batches(batch_size=64))) == list(range(10))


def test_any_seed_of_a_study_gives_batches() -> None:
    first, second = (
        numbers(batches(seed=seed, epoch=999, augmentation="standard")) for seed in (2**31 - 1, 2**31 - 2)
    )
    assert len(first) == 8
    assert first != second


class Memory:
    """A device with so many bytes free."""

    def __init__(self, free: int) -> None:
        self.free = free

    def __call__(self, _device: torch.device) -> tuple[int, int]:
        return self.free, self.free


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("augmentation", ["none", "standard", "paper"])
def test_batches_are_the_same_whether_pictures_fit_on_the_device_or_not(
    augmentation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = torch.device("cuda", 0)
    found = []
    for free in (10**9, 1000):
        monkeypatch.setattr(torch.cuda, "mem_get_info", Memory(free))
        moved = pictures(augmentation).to(device)
        assert moved.resident == (free > 1000)
        order, draws = moved.epoch(batch_size=4, seed=0, epoch=0, device=device).step(0)
        found.append(moved.augmented(*moved.raw(order, device), draws))
    assert equal([found[0]], [found[1]])


def test_pictures_that_do_not_fit_on_the_device_stay_where_they_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", Memory(1000))
    with caplog.at_level("INFO", logger=subject.__name__):
        moved = pictures().to(torch.device("cuda", 0))
    assert not moved.resident
    assert moved.arrays.images.device.type == "cpu"
    assert "every batch is copied there" in caplog.text
