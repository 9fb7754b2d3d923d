"""Is the export the same network? Compare its masks with the torch model's on pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from descale.base.errors import ExportError
from descale.base.photo import read_photo
from descale.evaluation.evaluate import Infer
from descale.models import STRIDE, Normalisation, SavedModel, predict_classes

logger = logging.getLogger(__name__)

LEAST_SAME = 0.999
MOST_OFF = 0.05
"""Mean difference of the logits that is borne, as a share of their own standard deviation: where a network
finds nothing, one that always answers nothing has the same classes."""
MOST_PICTURES = 16
_SIDES = ((512, 512), (512, 384), (256, 512), (224, 320))


@dataclass(frozen=True)
class Parity:
    """How far an export differs from its source.

    Attributes:
        pictures: number compared; ``synthetic`` says that they were made up.
        pixels: number compared.
        same: share of pixels with the same class, 0..1.
        largest: largest absolute difference of a logit.
        mean: mean absolute difference of the logits.
        spread: standard deviation of the torch model's logits.
    """

    pictures: int
    pixels: int
    same: float
    largest: float
    mean: float
    spread: float
    synthetic: bool

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``bundle.json``."""
        return {
            "pictures": self.pictures,
            "synthetic_pictures": self.synthetic,
            "pixels": self.pixels,
            "same_pixels": self.same,
            "largest_logit_difference": self.largest,
            "mean_logit_difference": self.mean,
        }

    def __str__(self) -> str:
        kind = "synthetic pictures" if self.synthetic else "photos"
        return (
            f"{100 * self.same:.4f} % of {self.pixels} pixels of {self.pictures} {kind} the same, "
            f"logits differ by {self.largest:.2e} at most"
        )


def read_pictures(photos: Sequence[Path]) -> list[NDArray[np.uint8]]:
    """The middle of each photo, at sizes that differ from one to the next and fit the network's stride.

    Raises:
        DataError: a photo cannot be read.
        ExportError: none is large enough.
    """
    step = max(1, len(photos) // MOST_PICTURES)
    pictures = []
    for number, path in enumerate(photos[::step][:MOST_PICTURES]):
        photo = read_photo(path)
        wanted = _SIDES[number % len(_SIDES)]
        height, width = (min(w, s - s % STRIDE) for w, s in zip(wanted, photo.shape[:2], strict=True))
        if not height or not width:
            logger.warning("%s is smaller than %d pixels and was not compared", path, STRIDE)
            continue
        top, left = (photo.shape[0] - height) // 2, (photo.shape[1] - width) // 2
        pictures.append(np.ascontiguousarray(photo[top : top + height, left : left + width]))
    if not pictures:
        raise ExportError(f"None of the {len(photos)} photos is at least {STRIDE}x{STRIDE} pixels.")
    return pictures


def synthetic_pictures(count: int = 4, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Smooth coloured noise of several octaves, rust-brown to steel-grey; stands in where photos lack."""
    generator = np.random.default_rng(seed)
    rust, steel = np.array([140.0, 70.0, 35.0]), np.array([130.0, 138.0, 145.0])
    pictures = []
    for number in range(count):
        height, width = _SIDES[number % len(_SIDES)]
        field = np.zeros((height, width))
        for octave in (64, 32, 8, 2, 1):
            cells = generator.standard_normal((height // octave + 1, width // octave + 1))
            field += np.kron(cells, np.ones((octave, octave)))[:height, :width] * octave**0.5
        share = 1 / (1 + np.exp(-field / field.std()))[..., None]
        grain = generator.normal(0, 8, (height, width, 3))
        pictures.append(np.clip(share * rust + (1 - share) * steel + grain, 0, 255).astype(np.uint8))
    return pictures


def torch_logits(model: SavedModel, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits of the torch model, float32 ``(1, K, H, W)``, for a uint8 RGB picture ``(H, W, 3)``."""
    pixels = Normalisation(model.spec)(torch.from_numpy(picture).permute(2, 0, 1)[None])
    with torch.no_grad():
        logits: NDArray[np.float32] = model.network(pixels).numpy()
    return logits


def compare(
    model: SavedModel, infer: Infer, pictures: Iterable[NDArray[np.uint8]], *, synthetic: bool
) -> Parity:
    """Run both on every picture and count the pixels whose class differs."""
    threshold = model.spec.threshold
    count, pixels, same, largest, total, values = 0, 0, 0, 0.0, 0.0, 0
    sums = np.zeros(2)  # of the torch model's logits and of their squares
    for picture in pictures:
        expected = torch_logits(model, picture)
        found = infer(picture[None])
        if found.shape != expected.shape:
            raise ExportError(f"The export returns {found.shape}, the torch model {expected.shape}.")
        if not np.isfinite(found).all():
            raise ExportError("The export returns values that are not finite.")
        classes = [predict_classes(torch.from_numpy(np.asarray(x)), threshold) for x in (expected, found)]
        difference = np.abs(found - expected)
        count += 1
        pixels += classes[0].numel()
        same += int((classes[0] == classes[1]).sum())
        largest = max(largest, float(difference.max()))
        total += float(difference.sum(dtype=np.float64))
        values += difference.size
        sums += expected.sum(dtype=np.float64), np.square(expected).sum(dtype=np.float64)
    first, second = sums / values
    spread = float(np.sqrt(max(0.0, second - first**2)))
    return Parity(count, pixels, same / pixels, largest, total / values, spread, synthetic)


def require_parity(parity: Parity, target: str) -> None:
    """Refuse an export that decides differently.

    Raises:
        ExportError: fewer than 99.9 % of the pixels got the same class, or the logits are others.
    """
    if parity.same < LEAST_SAME or parity.mean > MOST_OFF * max(parity.spread, 1e-3):
        raise ExportError(
            f"The {target} export differs from the torch model: {parity}, {parity.mean:.2e} on average. At "
            f"least {100 * LEAST_SAME:g} % must be the same, and logits within {100 * MOST_OFF:g} % of their "
            f"spread ({parity.spread:.2e}). Nothing was written. "
            "Leave --half-weights out if it was given; else report this with the model's architecture and "
            "encoder, or choose another target."
        )
