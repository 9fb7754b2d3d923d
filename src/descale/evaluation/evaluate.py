"""Run a saved model over the photos of a split and gather everything that is said about it.

The network sees a photo resized to its input size (antialiased); its answer is enlarged to the photo again
and scored against the photo's own label, pixel by pixel. So networks of different input sizes compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2 import functional as transform

from descale.base.classes import ClassTable
from descale.base.errors import DataError
from descale.base.files import replacing_file
from descale.base.machine import usable_cores
from descale.base.photo import photo_size
from descale.data import Dataset, Sample
from descale.data.loading import load_split
from descale.evaluation.confusion import ImageConfusions, confusion_matrix
from descale.evaluation.floors import ColourThreshold, fit_colour_threshold
from descale.models import ModelSpec, Normalisation, SavedModel, predict_classes
from descale.runtime.patches import SAMPLED, drop_faint

PIXELS_AT_ONCE = 2**26
"""Pixels of the photos that are decoded at a time: bounds memory on large photos."""

Mask = NDArray[np.uint8]
Infer = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""uint8 RGB ``(N, H, W, 3)`` -> logits float32 ``(N, K, h, w)``."""


def image_confusions(
    model: SavedModel,
    samples: Sequence[Sample],
    *,
    batch_size: int = 16,
    masks_folder: Path | None = None,
    device: torch.device | None = None,
    infer: Infer | None = None,
) -> ImageConfusions:
    """Confusions of a model over samples, at the resolution of each photo.

    Args:
        model: any that knows the classes of the labels; on the CPU again afterwards.
        samples: photos with labels of the model's classes.
        batch_size: photos the network sees at once, at its input size.
        masks_folder: where to write each prediction as ``<sample id>.png``, class ids at the photo's size.
        device: where the network runs; the CPU if none is given.
        infer: answers instead of the model's network: the same network in another engine or precision.

    Raises:
        DataError: there is no sample, or a label holds a class that the model does not know.
    """
    if not samples:
        raise DataError("There is no photo to evaluate on. Choose a split that the data set has.")
    spec, where = model.spec, device or torch.device("cpu")
    classes = len(spec.classes)
    counts = np.zeros((len(samples), classes, classes), dtype=np.int64)
    model.network.to(where).eval()
    progress = track(
        _photos(samples, spec.input_size, batch_size),
        description=f"evaluating {spec.architecture}",
        total=len(samples),
        transient=True,
        console=Console(stderr=True),
    )
    waiting: list[tuple[int, Tensor, Mask]] = []
    for index, (resized, truth) in enumerate(progress):
        waiting.append((index, resized, truth))
        if len(waiting) < batch_size and index + 1 < len(samples):
            continue
        pictures = torch.stack([one for _, one, _ in waiting])
        answers = _answers(model, pictures.to(where)) if infer is None else _inferred(infer, pictures)
        for (number, _, label), logits in zip(waiting, answers, strict=True):
            sample, answer = samples[number], decided(logits, label.shape, spec)
            try:
                counts[number] = confusion_matrix(label, answer, classes)
            except ValueError as error:
                raise DataError(
                    f"{sample.image}: {error}. Evaluate on the classes it was made for."
                ) from error
            if masks_folder is not None:
                with replacing_file(masks_folder / f"{sample.id}.png") as temporary:
                    Image.fromarray(answer).save(temporary, format="PNG")
        waiting = []
    model.network.to("cpu")
    return ImageConfusions(tuple(s.id for s in samples), tuple(s.group for s in samples), counts)


def segment_photo(model: SavedModel, photo: Mask, device: torch.device | None = None) -> Mask:
    """Class ids of one photo as :func:`image_confusions` scores them, uint8 ``(H, W)``.

    Args:
        model: stays where it is.
        photo: uint8 ``(H, W, 3)`` RGB.
        device: where the network is; the CPU if none is given.
    """
    one = _resized(photo, model.spec.input_size)[None].to(device or torch.device("cpu"))
    return decided(_answers(model, one)[0], photo.shape[:2], model.spec)


@torch.inference_mode()
def _answers(model: SavedModel, images: Tensor) -> Tensor:
    """Logits ``(N, K, h, w)`` of uint8 RGB pictures ``(N, 3, h, w)`` of the input size."""
    return model.network(Normalisation(model.spec, images.device)(images)).float()


def _inferred(infer: Infer, pictures: Tensor) -> Tensor:
    """As :func:`_answers`, from another engine."""
    return torch.from_numpy(infer(np.ascontiguousarray(pictures.permute(0, 2, 3, 1).numpy())))


@torch.inference_mode()
def decided(logits: Tensor, size: tuple[int, ...], spec: ModelSpec) -> Mask:
    """Class ids of a photo of this size, uint8 ``(H, W)``, from its logits ``(K, h, w)``."""
    one = logits[None]
    if tuple(one.shape[-2:]) != tuple(size):
        one = functional.interpolate(one, size=list(size), mode="bilinear", align_corners=False)
    answer = np.asarray(predict_classes(one, spec.threshold)[0].cpu())
    if spec.patch_confidence and len(spec.classes) == 2:
        sampled = one[0, :, ::SAMPLED, ::SAMPLED].softmax(0)[1]
        corroded = answer == 1
        drop_faint(corroded, sampled.cpu().numpy(), spec.patch_confidence)
        answer = corroded.astype(np.uint8)
    return answer


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
    threshold: ColourThreshold, samples: Sequence[Sample], classes: ClassTable
) -> ImageConfusions:
    """Confusions of a colour threshold over samples, at the resolution of each photo."""
    counts = [
        confusion_matrix(sample.read_mask(), threshold.predict(sample.read_image()), len(classes))
        for sample in samples
    ]
    stacked = np.array(counts, dtype=np.int64).reshape(-1, len(classes), len(classes))
    return ImageConfusions(tuple(s.id for s in samples), tuple(s.group for s in samples), stacked)


def _photos(
    samples: Sequence[Sample], size: tuple[int, int], batch_size: int
) -> Iterator[tuple[Tensor, Mask]]:
    """Each photo resized to ``size``, uint8 ``(3, h, w)``, and its own label, uint8 ``(H, W)``."""

    def read(sample: Sample) -> tuple[Tensor, Mask]:
        photo, label = sample.read()
        return _resized(photo, size), label

    with ThreadPoolExecutor(max_workers=min(4, usable_cores())) as pool:
        first = 0
        while first < len(samples):
            height, width = photo_size(samples[first].image)
            count = max(1, min(batch_size, PIXELS_AT_ONCE // (height * width)))
            yield from pool.map(read, samples[first : first + count])
            first += count


def _resized(photo: Mask, size: tuple[int, int]) -> Tensor:
    """A photo ``(H, W, 3)`` as the network sees it, uint8 ``(3, h, w)``."""
    return transform.resize(torch.from_numpy(photo).permute(2, 0, 1), list(size), antialias=True)


def _pairs(samples: Sequence[Sample], size: tuple[int, int]) -> Iterator[tuple[Mask, Mask]]:
    """Images ``(h, w, 3)`` and masks ``(h, w)`` of this size, one after the other."""
    pixels = load_split(samples, size=size)
    yield from zip(pixels.images.permute(0, 2, 3, 1).numpy(), pixels.masks.numpy(), strict=True)
