"""Augmentations in batches: the distributions of torchvision's own, pictures and labels together."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as transform

from descale.base.errors import ConfigError
from descale.data.augment import augment
from descale.data.draws import AUGMENTATIONS, Draws, draw

SIZE, SOURCE = (48, 64), (72, 96)


def scene(count: int = 1, source: tuple[int, int] = SOURCE) -> tuple[Tensor, Tensor]:
    """Smooth pictures with a bright disc, which is what the label marks."""
    height, width = source
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    disc = ((y - height * 0.45) ** 2 + (x - width * 0.55) ** 2) < (height * 0.2) ** 2
    picture = torch.stack([60 + 0.5 * x, 90 + 0.4 * y, 70 + 0.2 * (x + y)])
    picture = torch.where(disc, torch.tensor([220.0, 40.0, 20.0])[:, None, None], picture)
    return picture.to(torch.uint8).expand(count, 3, -1, -1), disc.to(torch.uint8).expand(count, -1, -1)


def done(name: str, count: int, *, seed: int = 0, size: tuple[int, int] = SIZE) -> tuple[Tensor, Tensor]:
    images, masks = scene(count)
    draws = draw(name, count, source=SOURCE, size=size, seed=seed)
    return augment(name, images, masks, draws, size)


def reference(name: str, size: tuple[int, int]) -> v2.Compose:
    """The same augmentation picture by picture, as torchvision has it."""
    if name == "standard":
        return v2.Compose(
            [
                v2.RandomResizedCrop(size, scale=(0.35, 1.0), ratio=(0.8, 1.25), antialias=True),
                v2.RandomHorizontalFlip(0.5),
                v2.RandomVerticalFlip(0.2),
                v2.RandomApply([v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.25)], p=0.8),
            ]
        )
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(0.5),
            v2.RandomApply([v2.RandomAffine(degrees=0, translate=(0.1, 0.1), scale=(0.5, 1.5))], p=0.9),
            v2.RandomCrop(size, pad_if_needed=True),
            v2.RandomPerspective(0.2, p=0.5),
            v2.RandomApply(
                [
                    v2.RandomChoice(
                        [v2.RandomEqualize(1.0), v2.ColorJitter(0.2), v2.ColorJitter(contrast=0.2)]
                    )
                ],
                p=0.9,
            ),
        ]
    )


def figures(images: Tensor, masks: Tensor) -> Tensor:
    """What is compared of each picture: marked share and its centre, brightness, contrast, colourfulness."""
    share = masks.float().mean((1, 2))
    y = torch.linspace(-1, 1, masks.shape[1])[:, None]
    x = torch.linspace(-1, 1, masks.shape[2])
    total = masks.float().sum((1, 2)).clamp(min=1)
    centre = [(masks * axis).sum((1, 2)) / total for axis in (y, x)]
    scaled = images.float() / 255
    spread = (scaled.amax(1) - scaled.amin(1)).mean((1, 2))
    return torch.stack([share, *centre, scaled.mean((1, 2, 3)), scaled.std((1, 2, 3)), spread], 1)


@pytest.mark.parametrize("name", ["standard", "paper"])
def test_the_distribution_is_that_of_torchvision(name: str) -> None:
    """Means and quantiles of what can be seen in 1,200 pictures differ by less than chance and filters do."""
    count = 1200
    ours = figures(*done(name, count))
    torch.manual_seed(0)
    compose, (images, masks) = reference(name, SIZE), scene()
    pairs = [compose(tv_tensors.Image(images[0]), tv_tensors.Mask(masks[0])) for _ in range(count)]
    theirs = figures(torch.stack([a for a, _ in pairs]), torch.stack([b for _, b in pairs]))
    for index, what in enumerate(("share", "down", "right", "brightness", "contrast", "colour")):
        a, b = ours[:, index], theirs[:, index]
        scale = float(b.std())
        assert abs(float(a.mean() - b.mean())) < 0.15 * scale, what
        for quantile in (0.1, 0.5, 0.9):
            assert abs(float(a.quantile(quantile) - b.quantile(quantile))) < 0.3 * scale, (what, quantile)


@pytest.mark.parametrize("name", ["standard", "zoom", "paper"])
def test_labels_go_where_the_picture_goes(name: str) -> None:
    """The disc is the only thing that is much more red than green, whatever the light."""
    images, masks = scene(64)
    draws = draw(name, 64, source=SOURCE, size=SIZE, seed=3)
    still = Draws(
        draws.geometry,
        torch.eye(3).expand(64, 3, 3),
        torch.zeros(64, 3, 3),
        torch.zeros(64, dtype=torch.bool),
        draws.frame,
    )
    seen, labels = augment(name, images, masks, still, SIZE)
    found = seen[:, 0] - seen[:, 1] > 90
    intersection = (found & (labels == 1)).sum()
    union = (found | (labels == 1)).sum()
    assert labels.float().mean() > 0.02
    assert float(intersection / union) > 0.93


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_the_seed_decides_and_pictures_differ(name: str) -> None:
    first, again, other = (done(name, 8, seed=seed, size=SIZE) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert first[0].shape == (8, 3, *SIZE)
    assert first[0].dtype == torch.float32
    assert first[1].dtype == torch.uint8
    assert 0 <= float(first[0].min()) < float(first[0].max()) <= 255
    if name != "none":
        assert not torch.equal(first[0], other[0])
        assert not torch.equal(first[0][0], first[0][1])


def test_none_shows_the_picture_as_resizing_would() -> None:
    images, masks = scene(2)
    seen, labels = done("none", 2)
    expected = transform.resize(images.float(), list(SIZE), antialias=True)
    assert torch.allclose(seen, expected, atol=1e-2)
    nearest = transform.resize(masks, list(SIZE), interpolation=v2.InterpolationMode.NEAREST_EXACT)
    assert torch.equal(labels, nearest)


def test_zoom_keeps_the_scale_however_large_the_picture_is() -> None:
    """A disc of the same pixels covers as many pixels of the crop on a photo twice as large."""
    areas = []
    for source in (SOURCE, (144, 192)):
        images = torch.zeros(600, 3, *source, dtype=torch.uint8)
        masks = torch.zeros(600, *source, dtype=torch.uint8)
        masks[:, ::8, ::8] = 1  # one pixel in 64 wherever one looks
        draws = draw("zoom", 600, source=source, size=SIZE, seed=0)
        window = (2 * draws.geometry[:, 0, 0].abs() * source[1] / 2) / SIZE[1]
        areas.append(float(window.log().mean().exp()))
        assert float(augment("zoom", images[:8], masks[:8], draws[slice(0, 8)], SIZE)[1].float().mean()) > 0
    assert areas[1] == pytest.approx(1.0, abs=0.1)
    assert areas[0] == pytest.approx(areas[1], rel=0.1)


def test_ids_of_labels_are_never_mixed() -> None:
    masks = torch.randint(0, 2, (16, *SOURCE), dtype=torch.uint8) * 200
    images = masks[:, None].expand(-1, 3, -1, -1)
    for name in ("standard", "zoom", "paper"):
        draws = draw(name, 16, source=SOURCE, size=SIZE, seed=0)
        assert set(augment(name, images, masks, draws, SIZE)[1].unique().tolist()) == {0, 200}


def test_an_unknown_augmentation_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'standard'"):
        draw("standrad", 1, source=SIZE, size=SIZE, seed=0)
