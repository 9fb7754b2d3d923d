"""Batch norm statistics are estimated anew, and nothing else changes."""

from __future__ import annotations

import pytest
import torch
from tests.training.runs import SIZE, SPEC, same, weights_of
from torch import Tensor, nn

from descale.data import Dataset
from descale.data.loading import PixelArrays, load_split
from descale.models import build_network
from descale.training.batches import TrainingPictures
from descale.training.recalibrate import recalibrate


def test_only_running_statistics_change(photos: Dataset) -> None:
    source = TrainingPictures(load_split(photos.split("train"), SIZE), "standard", SIZE)
    network = build_network(SPEC)
    before = weights_of(network)
    recalibrate(network, SPEC, source, batch_size=4, seed=0)
    after = weights_of(network)
    learnt = {name for name, _ in network.named_parameters()}
    changed = {key for key in after if not torch.equal(after[key], before[key])}
    norms = [name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)]
    expected = {
        f"{name}.{kind}" for name in norms for kind in ("running_mean", "running_var", "num_batches_tracked")
    }
    assert len(norms) > 10
    assert changed == expected
    assert not changed & learnt
    assert not network.training
    assert {network.get_submodule(name).momentum for name in norms} == {0.1}
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_same_seed_gives_the_same_statistics(photos: Dataset) -> None:
    source = TrainingPictures(load_split(photos.split("train"), SIZE), "standard", SIZE)
    network = build_network(SPEC)
    found = []
    for seed in (1, 1, 2):
        recalibrate(network, SPEC, source, batch_size=4, seed=seed)
        found.append(weights_of(network))
    assert same(found[0], found[1])
    assert not same(found[0], found[2])


class Dropping(nn.Module):
    """A norm behind paths that are dropped at random, as some encoders have."""

    def __init__(self) -> None:
        super().__init__()
        self.path, self.norm = nn.Dropout(0.5), nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.path(x))


def test_what_is_random_in_the_network_follows_the_seed_and_not_what_was_drawn_before() -> None:
    images = torch.randint(0, 256, (8, 3, *SIZE), dtype=torch.uint8)
    source = TrainingPictures(PixelArrays(images, images[:, 0]), "none", SIZE)
    found = []
    for before in (0, 7):
        network = Dropping()
        torch.manual_seed(before)
        recalibrate(network, SPEC, source, batch_size=4, seed=1)
        found.append(weights_of(network))
    assert same(found[0], found[1])


class OneNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x)


def test_statistics_are_the_plain_mean_over_the_batches() -> None:
    """By hand, for one batch of all ten, and for three batches: the tenth picture alone is left out."""
    images = torch.randint(0, 256, (10, 3, *SIZE), dtype=torch.uint8)
    source = TrainingPictures(PixelArrays(images, images[:, 0]), "none", SIZE)
    network = OneNorm().train()
    network.norm.running_mean.fill_(100.0)
    pixels = (images.float() / 255 - torch.tensor(SPEC.mean).view(3, 1, 1)) / torch.tensor(SPEC.std).view(
        3, 1, 1
    )
    recalibrate(network, SPEC, source, batch_size=10, seed=0)
    assert torch.allclose(network.norm.running_mean, pixels.mean((0, 2, 3)), atol=1e-5)
    assert torch.allclose(network.norm.running_var, pixels.var((0, 2, 3)), rtol=1e-4)
    assert network.training
    recalibrate(network, SPEC, source, batch_size=3, seed=0)
    order = torch.randperm(10, generator=torch.Generator().manual_seed(0))[:9]
    by_batch = torch.stack([pixels[part].mean((0, 2, 3)) for part in order.split(3)])
    assert torch.allclose(network.norm.running_mean, by_batch.mean(0), atol=1e-5)


def test_a_network_without_batch_norms_is_left_alone() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.GroupNorm(1, 2))
    before = weights_of(network)
    images = torch.zeros(4, 3, *SIZE, dtype=torch.uint8)
    source = TrainingPictures(PixelArrays(images, images[:, 0]), "none", SIZE)
    recalibrate(network, SPEC, source, batch_size=2, seed=0)
    assert same(before, weights_of(network))


@pytest.mark.parametrize("count", [1, 3])
def test_single_pictures_are_enough(photos: Dataset, count: int) -> None:
    arrays = load_split(photos.split("train"), SIZE)
    few = PixelArrays(arrays.images[:count], arrays.masks[:count])
    network = build_network(SPEC)
    recalibrate(network, SPEC, TrainingPictures(few, "none", SIZE), batch_size=1, seed=0)
    first = next(module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    assert first.running_mean is not None
    assert first.running_mean.abs().sum() > 0
