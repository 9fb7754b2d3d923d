"""The validation split, looked at between epochs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from descale.data.loading import PixelArrays
from descale.models import ModelSpec, predict_classes
from descale.training.batches import TrainingPictures
from descale.training.config import TrainingConfig
from descale.training.step import TrainingStep

VALIDATED_AT_ONCE = 2**22
"""Pixels of a batch of validation pictures on a device with memory of its own."""


class Validation:
    """Scores the network on the validation split, which stays on the device where it fits."""

    def __init__(
        self,
        step: TrainingStep,
        spec: ModelSpec,
        arrays: PixelArrays,
        config: TrainingConfig,
        device: torch.device,
    ) -> None:
        self._step, self._spec, self._device = step, spec, device
        height, width = arrays.images.shape[-2:]
        self._at_once = 2 * config.batch_size
        if device.type != "cpu":
            self._at_once = max(1, VALIDATED_AT_ONCE // (height * width))
        self._arrays = TrainingPictures(arrays, "none", (height, width)).to(device)

    @torch.no_grad()
    def score(self) -> float:
        """Mean IoU of the corrosion classes that are labelled, counted over the split; nan if none is."""
        network = self._step.shown
        training = network.training
        network.eval()
        classes = len(self._spec.classes)
        counts = torch.zeros(classes * classes, dtype=torch.int64, device=self._device)
        for start in range(0, len(self._arrays), self._at_once):
            numbers = torch.arange(start, min(start + self._at_once, len(self._arrays)))
            images, labels = self._arrays.raw(numbers, self._device)
            with self._step.autocast():
                logits = network(self._step.normalised(images.float()))
            predicted = predict_classes(logits, self._spec.threshold).long()
            pairs = labels.long() * classes + predicted
            pairs = pairs[labels < classes]  # the others are marked to be ignored
            counts += torch.bincount(pairs.flatten(), minlength=classes * classes)
        network.train(training)
        return _mean_iou(counts.view(classes, classes).cpu(), self._spec.classes.corrosion_ids)


def _mean_iou(counts: Tensor, corrosion: tuple[int, ...]) -> float:
    """As :func:`descale.evaluation.class_iou`, over the classes that are labelled.

    >>> _mean_iou(torch.tensor([[5, 1, 0], [1, 2, 0], [0, 0, 0]]), (1, 2))
    0.5
    """
    labelled = [index for index in corrosion if counts[index].sum() > 0]
    if not labelled:
        return math.nan
    hits = counts.diagonal()[labelled].double()
    union = counts.sum(0)[labelled] + counts.sum(1)[labelled] - counts.diagonal()[labelled]
    return float((hits / union).mean())


def shows_any(arrays: PixelArrays, ids: tuple[int, ...]) -> bool:
    """Whether a split shows one of these classes."""
    return any(bool((arrays.masks == one).any()) for one in ids)
