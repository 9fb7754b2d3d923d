"""What a network is, before any weight: architecture, encoder, classes, how pixels go in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from descale.base.classes import ClassTable
from descale.base.errors import ModelError

STRIDE = 32
"""Height and width of every input must be divisible by this (five halvings in the encoder)."""


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    """A (height, width) in pixels that networks take.

    Raises:
        ValueError: a side is not a multiple of :data:`STRIDE`; the nearest is named.
    """
    for side in size:
        if side <= 0 or side % STRIDE:
            nearest = max(STRIDE, round(side / STRIDE) * STRIDE)
            raise ValueError(f"{side} is not a multiple of {STRIDE}; use {nearest}")
    return size


@dataclass(frozen=True)
class ModelSpec:
    """Everything that determines a dense network and how to use it.

    Attributes:
        architecture: name in :data:`descale.models.architectures.ARCHITECTURES`.
        encoder: name of an encoder of segmentation_models_pytorch.
        classes: meaning of the output channels.
        mean, std: normalisation of RGB in 0..1.
        input_size: (height, width) in pixels it was trained at; other multiples of 32 work too.
        patch_confidence: binary models leave out a patch whose mean p(corrosion) is below this (0..1);
            0 keeps all.
        threshold: binary models call a pixel corroded when p(corrosion) is at least this (0..1).
    """

    architecture: str
    encoder: str
    classes: ClassTable
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    input_size: tuple[int, int]
    threshold: float = 0.5
    patch_confidence: float = 0.0

    def __post_init__(self) -> None:
        try:
            check_size(self.input_size)
        except ValueError as error:
            raise ModelError(f"Input size {error}.") from None
        if not all(math.isfinite(x) for x in (*self.mean, *self.std)) or min(self.std) <= 0.0:
            raise ModelError(f"Normalisation with mean {self.mean} and deviation {self.std} is impossible.")
        if not 0.0 < self.threshold < 1.0:
            raise ModelError(f"Threshold {self.threshold} is outside 0..1.")
        if not 0.0 <= self.patch_confidence < 1.0:
            raise ModelError(f"Patch confidence {self.patch_confidence} is outside 0..1.")

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary for ``model.json``."""
        return {
            "architecture": self.architecture,
            "encoder": self.encoder,
            "classes": self.classes.to_json(),
            "normalisation": {"mean": list(self.mean), "std": list(self.std)},
            "input_size": list(self.input_size),
            "threshold": self.threshold,
            **({"patch_confidence": self.patch_confidence} if self.patch_confidence else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ModelSpec:
        """Inverse of :meth:`to_json`.

        Raises:
            ModelError: a key is missing or a value is of the wrong kind.
        """
        try:
            red, green, blue = (float(x) for x in value["normalisation"]["mean"])
            red_std, green_std, blue_std = (float(x) for x in value["normalisation"]["std"])
            height, width = (int(x) for x in value["input_size"])
            return cls(
                architecture=str(value["architecture"]),
                encoder=str(value["encoder"]),
                classes=ClassTable.from_json(value["classes"]),
                mean=(red, green, blue),
                std=(red_std, green_std, blue_std),
                input_size=(height, width),
                threshold=float(value["threshold"]),
                patch_confidence=float(value.get("patch_confidence", 0.0)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"model description is not valid: {error!r}") from error
