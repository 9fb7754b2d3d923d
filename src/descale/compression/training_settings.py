"""How networks are trained at a working size: crops, batches, how often they are looked at."""

from __future__ import annotations

import math

from descale.compression.request import working_length
from descale.training.config import TrainingConfig

BATCH = 8
CROPPED_FROM = 192
"""Sides from which on training sees parts of the photo at its own scale; below, the whole photo, zoomed."""
CROP_SHARE = 0.5
"""Side of those parts, as a share of the working size. A quarter of it cost a U-Net eight points:
what a crop does not show is missed (docs/compress.md)."""
LOOKS = 4
"""How often a training looks at the validation photos, which are seen whole."""


def crop_of(side: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the training pictures for a working size.

    >>> crop_of((512, 384)), crop_of((128, 128))
    ((256, 192), (128, 128))
    """
    if min(side) < CROPPED_FROM:
        return side
    return working_length(CROP_SHARE * side[0]), working_length(CROP_SHARE * side[1])


def training_at(side: tuple[int, int], crop: tuple[int, int], epochs: int) -> TrainingConfig:
    """Settings for a working size.

    Args:
        side: (height, width) in pixels at which the network works.
        crop: of the training pictures; a crop that does not fit inside is the whole picture.
        epochs: of the training.

    >>> training_at((512, 512), (256, 256), 40).crop, training_at((256, 256), (256, 256), 40).crop
    ((256, 256), None)
    """
    values: dict[str, object] = {
        "size": side, "epochs": epochs, "batch_size": BATCH, "validate_every": math.ceil(epochs / LOOKS),
    }  # fmt: skip
    if min(side) >= CROPPED_FROM:
        values["augmentation"] = "zoom"
        if crop[0] < side[0] and crop[1] < side[1]:
            values["crop"] = crop
    return TrainingConfig.model_validate(values)
