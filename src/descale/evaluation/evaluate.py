"""Run a saved model over the photos of a split and gather everything that is said about it.

Photos are resized to the model's input size (antialiased) and labels to the same size (nearest
neighbour): scores are of the pixels that the network sees, as in training, not of the original photo.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track
from torch import Tensor

from descale.base.classes import ClassTable
from descale.base.errors import DataError
from descale.base.files import replacing_file
from descale.data import Dataset, Sample
from descale.data.loading import load_split
from descale.evaluation.confusion import ImageConfusions, confusion_matrix
from descale.evaluation.floors import ColourThreshold, fit_colour_threshold
from descale.models import ModelSpec, SavedModel, predict_classes

CHUNK = 256  # photos decoded at a time: bounds memory on large sets

Mask = NDArray[np.uint8]


def image_confusions(
    model: SavedModel,
    samples: Sequence[Sample],
    *,
    batch_size: int = 16,
    masks_folder: Path | None = None,
) -> ImageConfusions:
    """Confusions of a model over samples, at the model's input size.

    Args:
        samples: photos with labels of the model's classes.
        masks_folder: where to write each prediction as ``<sample id>.png``, class ids at input size.

    Raises:
        DataError: there is no sample, or a label holds a class that the model does not know.
    """
    if not samples:
        raise DataError("There is no photo to evaluate on. Choose a split that the data set has.")
    spec = model.spec
    classes = len(spec.classes)
    counts = np.zeros((len(samples), classes, classes), dtype=np.int64)
    batches = _batches(samples, spec.input_size, batch_size)
    total = sum(-(-len(samples[i : i + CHUNK]) // batch_size) for i in range(0, len(samples), CHUNK))
    progress = track(
        batches,
        description=f"evaluating {spec.architecture}",
        total=total,
        transient=True,
        console=Console(stderr=True),
    )
    for first, images, masks in progress:
        predicted = predict_batch(model, images)
        for offset, (truth, answer) in enumerate(zip(masks.numpy(), predicted, strict=True)):
            sample = samples[first + offset]
            try:
                counts[first + offset] = confusion_matrix(truth, answer, classes)
            except ValueError as error:
                raise DataError(
                    f"{sample.image}: {error}. Evaluate on the classes it was made for."
                ) from error
            if masks_folder is not None:
                with replacing_file(masks_folder / f"{sample.id}.png") as temporary:
                    Image.fromarray(answer).save(temporary, format="PNG")
    return ImageConfusions(tuple(s.id for s in samples), tuple(s.group for s in samples), counts)


def predict_batch(model: SavedModel, images: Tensor) -> Mask:
    """Class ids ``(N, H, W)`` of uint8 RGB images ``(N, 3, H, W)``; H and W are multiples of 32."""
    with torch.inference_mode():
        return np.asarray(
            predict_classes(model.network(_normalised(images, model.spec)), model.spec.threshold)
        )


def fit_colour_floor(dataset: Dataset, size: tuple[int, int]) -> ColourThreshold:
    """The colour threshold of a data set's training split, photos and labels resized to ``size``.

    Raises:
        DataError: the training split is empty.
    """
    samples = dataset.split("train")
    if not samples:
        raise DataError(f"Data set {dataset.name} has no training photo to fit the colour threshold on.")
    return fit_colour_threshold(_pairs(samples, size), dataset.classes)


def colour_floor_confusions(
    threshold: ColourThreshold, samples: Sequence[Sample], size: tuple[int, int], classes: ClassTable
) -> ImageConfusions:
    """Confusions of a colour threshold over samples, on the same pixels as a model of that input size."""
    counts = [
        confusion_matrix(mask, threshold.predict(image), len(classes))
        for image, mask in _pairs(samples, size)
    ]
    stacked = np.array(counts, dtype=np.int64).reshape(-1, len(classes), len(classes))
    return ImageConfusions(tuple(s.id for s in samples), tuple(s.group for s in samples), stacked)


def _normalised(images: Tensor, spec: ModelSpec) -> Tensor:
    mean = torch.tensor(spec.mean).view(1, 3, 1, 1)
    std = torch.tensor(spec.std).view(1, 3, 1, 1)
    return (images.float() / 255 - mean) / std


def _batches(
    samples: Sequence[Sample], size: tuple[int, int], batch_size: int
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Index of the first sample, images ``(n, 3, h, w)`` and masks ``(n, h, w)``, uint8."""
    for start in range(0, len(samples), CHUNK):
        pixels = load_split(samples[start : start + CHUNK], size=size)
        for first in range(0, len(pixels.images), batch_size):
            stop = first + batch_size
            yield start + first, pixels.images[first:stop], pixels.masks[first:stop]


def _pairs(samples: Sequence[Sample], size: tuple[int, int]) -> Iterator[tuple[Mask, Mask]]:
    """Images ``(h, w, 3)`` and masks ``(h, w)``, one after the other."""
    for _, images, masks in _batches(samples, size, CHUNK):
        yield from zip(images.permute(0, 2, 3, 1).numpy(), masks.numpy(), strict=True)
