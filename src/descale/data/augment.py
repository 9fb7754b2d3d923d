"""Augmentations by name, built from ``torchvision.transforms.v2``; they act on picture and label together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from descale.base.errors import ConfigError
from descale.base.spelling import suggestion

Augmentation = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Picture uint8 (3, H, W) and label uint8 (H, W) -> the same kinds at the training size."""


@dataclass(frozen=True)
class _Together:
    """Acts on picture and label at once; a class, so that worker processes can receive it."""

    transforms: v2.Transform

    def __call__(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        picture, label = self.transforms(tv_tensors.Image(image), tv_tensors.Mask(mask))
        return picture.as_subclass(Tensor), label.as_subclass(Tensor)


def _none(size: tuple[int, int]) -> v2.Transform:
    return v2.Resize(size, antialias=True)


def _standard(size: tuple[int, int]) -> v2.Transform:
    """Photos taken by hand or drone: any zoom, mirrored, other light."""
    return v2.Compose(
        [
            v2.RandomResizedCrop(size, scale=(0.35, 1.0), ratio=(0.8, 1.25), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomVerticalFlip(p=0.2),
            v2.RandomApply([v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.25)], p=0.8),
        ]
    )


def _paper(size: tuple[int, int]) -> v2.Transform:
    """The study's: crops, flips, scale +-50 %, shift, perspective, brightness, contrast, gamma.

    CLAHE, which torchvision does not have, is replaced by its equalisation; albumentations' "one of"
    by ``RandomChoice``.
    """
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.RandomAffine(degrees=0, translate=(0.1, 0.1), scale=(0.5, 1.5))], p=0.9),
            v2.RandomCrop(size, pad_if_needed=True),
            v2.RandomPerspective(distortion_scale=0.2, p=0.5),
            v2.RandomChoice(
                [
                    v2.RandomEqualize(p=0.9),
                    v2.RandomApply([v2.ColorJitter(brightness=0.2)], p=0.9),
                    v2.RandomApply([v2.ColorJitter(contrast=0.2)], p=0.9),
                ]
            ),
        ]
    )


AUGMENTATIONS: dict[str, Callable[[tuple[int, int]], v2.Transform]] = {
    "standard": _standard,
    "paper": _paper,
    "none": _none,
}


def make_augmentation(name: str, size: tuple[int, int]) -> Augmentation:
    """Augmentation by name, giving pictures of ``size`` (height, width).

    Randomness comes from torch's global generator, which :func:`augment_batch` seeds.

    Raises:
        ConfigError: the name is unknown.
    """
    try:
        return _Together(AUGMENTATIONS[name](size))
    except KeyError:
        hint = suggestion(name, AUGMENTATIONS)
        raise ConfigError(f"Unknown augmentation '{name}'; {hint}") from None


def augment_batch(
    augmentation: Augmentation, images: Tensor, masks: Tensor, *, seed: int
) -> tuple[Tensor, Tensor]:
    """Augment every picture of a batch on its own; the same seed gives the same batch.

    Args:
        augmentation: from :func:`make_augmentation`.
        images: uint8 ``(N, 3, H, W)``.
        masks: uint8 ``(N, H, W)``.
        seed: seeds torch's generator for this call only.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pairs = [augmentation(image, mask) for image, mask in zip(images, masks, strict=True)]
    return torch.stack([image for image, _ in pairs]), torch.stack([mask for _, mask in pairs])
