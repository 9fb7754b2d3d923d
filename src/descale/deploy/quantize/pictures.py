"""Photos for quantization: some of the training split to find ranges, the validation split to judge."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from descale.base.classes import BINARY
from descale.base.errors import ExportError
from descale.data import Sample, load_dataset
from descale.data.loading import load_split
from descale.models import ModelSpec, SavedModel

logger = logging.getLogger(__name__)

CALIBRATION_PHOTOS = 128
BATCH = 8

Pictures = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class QuantizationData:
    """Photos at the model's input size, decoded.

    Attributes:
        calibration: uint8 (N, H, W, 3), from the training split, without labels.
        validation: uint8 (M, H, W, 3).
        labels: uint8 (M, H, W), class ids of the validation photos.
        name: of the data set.
        fingerprint: of the data set.
    """

    calibration: Pictures
    validation: Pictures
    labels: NDArray[np.uint8]
    name: str
    fingerprint: str

    def batches(self) -> Iterator[tuple[Pictures, NDArray[np.uint8]]]:
        """The validation photos with their labels, a few at a time."""
        for first in range(0, len(self.validation), BATCH):
            yield self.validation[first : first + BATCH], self.labels[first : first + BATCH]


def load_quantization_data(source: str | Path, spec: ModelSpec) -> QuantizationData:
    """Read a data set for quantization; merged to "corrosion or not" if the model knows only that.

    Raises:
        DataError: the data set cannot be read.
        ExportError: its classes are not the model's, or its training or validation split is missing or
            shows no corrosion.
    """
    dataset = load_dataset(source, binary=spec.classes == BINARY)
    if dataset.classes.names != spec.classes.names:
        raise ExportError(
            f"The model knows the classes {', '.join(spec.classes.names)}, data set '{dataset.name}' has "
            f"{', '.join(dataset.classes.names)}. Calibrate with data of the model's classes."
        )
    train, valid = dataset.split("train"), dataset.split("valid")
    if not train or not valid:
        raise ExportError(
            f"Data set '{dataset.name}' needs a training split (to calibrate) and a validation split "
            f"(to judge); it has {len(train)} and {len(valid)} photos."
        )
    calibration = load_split(_evenly(train, CALIBRATION_PHOTOS), spec.input_size)
    judged = load_split(valid, spec.input_size)
    for split, loaded, purpose in (("train", calibration, "calibrated"), ("valid", judged, "judged")):
        if not np.isin(loaded.masks.numpy(), spec.classes.corrosion_ids).any():
            raise ExportError(
                f"Data set '{dataset.name}' shows no corrosion in {len(loaded)} photos of split '{split}', "
                f"so INT8 cannot be {purpose} on them. Give data that shows some, or export in float32."
            )
    return QuantizationData(
        np.ascontiguousarray(calibration.images.permute(0, 2, 3, 1).numpy()),
        np.ascontiguousarray(judged.images.permute(0, 2, 3, 1).numpy()),
        judged.masks.numpy(),
        dataset.name,
        dataset.fingerprint(),
    )


def tell_other_data(model: SavedModel, data: QuantizationData) -> None:
    """Say where INT8 is judged on other photos than those the model was chosen by: some may be its own."""
    trained = model.provenance.get("dataset_fingerprint")
    if trained is not None and trained != data.fingerprint:
        logger.warning(
            "INT8 is judged on the validation split of %s, which is not the data set of the training (%s), "
            "or was divided otherwise: photos that the model has learnt from may be among them",
            data.name, model.provenance.get("dataset", "unknown"),
        )  # fmt: skip


def _evenly(samples: tuple[Sample, ...], count: int) -> tuple[Sample, ...]:
    step = max(1.0, len(samples) / count)
    return tuple(samples[int(i * step)] for i in range(min(count, len(samples))))
