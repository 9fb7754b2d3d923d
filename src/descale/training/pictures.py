"""The pictures of a pruning run: batches at the sizes its stages ask for, and the validation split."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import nn

from descale.data import Dataset
from descale.data.augment import make_augmentation
from descale.data.loading import PixelArrays, load_split
from descale.models import SavedModel
from descale.training.batches import AugmentedPhotos, BatchSource
from descale.training.config import TrainingConfig
from descale.training.train import load_training_pictures
from descale.training.views import teacher_views


class RunPictures:
    """Reads every split once, when it is first needed.

    Args:
        parent: gives its answers to the pictures, where there are views.
        dataset: with the splits ``train`` and ``valid``.
        training: settings of the parent's training.
        views: augmented copies of each photo that the parent answers once; 0 augments anew every epoch.
        cache: keeps these answers.
    """

    def __init__(
        self, parent: SavedModel, dataset: Dataset, training: TrainingConfig, views: int, cache: Path
    ) -> None:
        self._parent, self._dataset, self._training = parent, dataset, training
        self._views, self._cache = views, cache
        self._sources: dict[tuple[int, int], BatchSource] = {}

    @property
    def full(self) -> BatchSource:
        """Batches at the size the parent was trained with."""
        return self.at(self._training.crop or self._training.size)

    def at(self, size: tuple[int, int]) -> BatchSource:
        """Batches of pictures of ``size`` (height, width), with the parent's answers if there are views."""
        if size not in self._sources:
            self._sources[size] = self._make(size)
        return self._sources[size]

    def _make(self, size: tuple[int, int]) -> BatchSource:
        if not self._views:
            return AugmentedPhotos(
                self._training_pictures, make_augmentation(self._training.augmentation, size)
            )
        return teacher_views(
            self._parent,
            self._training_pictures,
            identity=f"{self._dataset.fingerprint()}-{_weights_digest(self._parent.network)}",
            size=size,
            augmentation=self._training.augmentation,
            views=self._views,
            cache=self._cache,
        )

    @cached_property
    def _training_pictures(self) -> PixelArrays:
        return load_training_pictures(self._dataset, self._training)

    @cached_property
    def validation(self) -> PixelArrays:
        """The validation split at the size the network is validated with."""
        return load_split(self._dataset.split("valid"), self._training.size)


def _weights_digest(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for key, value in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(np.ascontiguousarray(value.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()[:16]
