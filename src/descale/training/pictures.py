"""The pictures of a run: those it learns from, at the sizes its stages ask for, and the validation split."""

from __future__ import annotations

from functools import cached_property

from descale.base.errors import DataError, TrainingError
from descale.data import Dataset
from descale.data.loading import PixelArrays, load_split
from descale.data.sample import Sample, Split
from descale.training.batches import TrainingPictures
from descale.training.config import TrainingConfig

CACHE_SCALE = 1.5
"""Training pictures are kept so much larger than the network's input, so that a zoomed crop stays sharp."""


class RunPictures:
    """Reads every split once, when it is first needed.

    Args:
        dataset: with the splits ``train`` and ``valid``.
        training: sizes and augmentation.

    Raises:
        TrainingError: crops are larger than the pictures.
    """

    def __init__(self, dataset: Dataset, training: TrainingConfig) -> None:
        if training.crop_problem:
            raise TrainingError(f"{training.crop_problem}.")
        self._dataset, self._training = dataset, training

    @property
    def full(self) -> TrainingPictures:
        """Training pictures at the size of the settings."""
        return self.at(self._training.crop or self._training.size)

    def at(self, size: tuple[int, int]) -> TrainingPictures:
        """Training pictures augmented to ``size`` (height, width)."""
        return TrainingPictures(self._arrays, self._training.augmentation, size)

    @cached_property
    def _arrays(self) -> PixelArrays:
        """The training split, larger than the input where crops of it will be magnified."""
        height, width = self._training.size
        if self._training.crop is None:
            height, width = round(height * CACHE_SCALE), round(width * CACHE_SCALE)
        return load_split(self._photos("train"), (height, width))

    @cached_property
    def validation(self) -> PixelArrays:
        """The validation split at the size the network is validated with."""
        return load_split(self._photos("valid"), self._training.size)

    def _photos(self, split: Split) -> tuple[Sample, ...]:
        samples = self._dataset.split(split)
        if not samples:
            raise DataError(
                f"Data set {self._dataset.name} has no photo in the split '{split}'. Training takes photos "
                "to learn from (train) and others to judge by (valid)."
            )
        return samples
