"""Encoders: which exist and how their inputs are normalised."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache

import segmentation_models_pytorch as smp
import timm

from descale.base.errors import ModelError

DEFAULT_ENCODER = "tu-tf_efficientnet_lite0"
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
TRAINED_ON_HALF = ("tf_efficientnet_lite", "inception", "xception")
"""Families of segmentation_models_pytorch's own encoders whose weights expect RGB in -1..1."""


@cache
def encoder_names() -> tuple[str, ...]:
    """Every encoder that can be asked for: those of segmentation_models_pytorch and ``tu-`` + timm's."""
    return (*smp.encoders.encoders, *(f"tu-{name}" for name in timm.list_models()))


def check_encoder(name: str) -> None:
    """Make sure an encoder exists.

    Raises:
        ModelError: it does not; the nearest names are given.
    """
    if name in encoder_names() or name.split(".")[0] in encoder_names():
        return
    near = difflib.get_close_matches(name, encoder_names(), n=4, cutoff=0.5)
    hint = f"Nearest: {', '.join(near)}." if near else f"The default is {DEFAULT_ENCODER}."
    raise ModelError(f"Unknown encoder '{name}'. {hint}")


def normalisation(encoder: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation of RGB in 0..1 that an encoder's ImageNet weights expect.

    timm says it of its own; of the encoders that segmentation_models_pytorch brings, three families were
    trained on -1..1 and the others on ImageNet's statistics.
    """
    if encoder.startswith("tu-"):
        known = timm.get_pretrained_cfg(encoder.removeprefix("tu-"), allow_unregistered=True)
        if known is not None:
            return _triple(known.mean), _triple(known.std)
    elif any(family in encoder for family in TRAINED_ON_HALF):
        return HALF, HALF
    return IMAGENET_MEAN, IMAGENET_STD


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
