"""Per-image confusion matrices: everything that any score of this project is computed from."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from descale.base.classes import IGNORED
from descale.base.errors import DataError
from descale.base.files import replacing_file

Counts = NDArray[np.int64]
FIXED_COLUMNS = ("split", "id", "group")


@dataclass(frozen=True, eq=False)
class ImageConfusions:
    """Pixel counts of a split, one matrix per image.

    Attributes:
        ids: the images' ids.
        groups: the scene of each image; an empty string means that it is not known.
        counts: ``(N, K, K)`` labelled pixels; rows are the true class, columns the predicted one.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    counts: Counts

    def __post_init__(self) -> None:
        images = len(self.ids)
        shape = self.counts.shape
        if len(shape) != 3 or shape[1] != shape[2] or shape[0] != images or len(self.groups) != images:
            raise ValueError(
                f"{images} ids, {len(self.groups)} groups and counts of shape {shape} do not belong together"
            )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def classes(self) -> int:
        """Number of classes K."""
        return int(self.counts.shape[1])

    @property
    def total(self) -> Counts:
        """The matrix of the whole split, ``(K, K)``."""
        return self.counts.sum(axis=0)

    @property
    def truth(self) -> Counts:
        """True pixels of each class in each image, ``(N, K)``: the same whatever model predicted."""
        return self.counts.sum(axis=2)


def confusion_matrix(truth: NDArray[np.integer], predicted: NDArray[np.integer], classes: int) -> Counts:
    """Count the pixels of each (true, predicted) pair of classes; ignored pixels are left out.

    Args:
        truth, predicted: class ids of the same shape, each in ``0..classes - 1``; in ``truth`` also 255.

    Raises:
        ValueError: the shapes differ or an id lies outside the class table.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    >>> confusion_matrix(np.array([0, 255, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 0], [0, 1]]
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"label of shape {truth.shape}, prediction of shape {predicted.shape}")
    labelled = truth != IGNORED
    truth, predicted = truth[labelled], predicted[labelled]
    for name, ids in (("label", truth), ("prediction", predicted)):
        if ids.size and (int(ids.min()) < 0 or int(ids.max()) >= classes):
            raise ValueError(f"the {name} holds class {int(ids.max())}; there are {classes} classes")
    pairs = truth.astype(np.int64).ravel() * classes + predicted.astype(np.int64).ravel()
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


_ERRORS = "surrogateescape"
"""Ids are file names, which need not be UTF-8: they come back as they were, so that photos are found."""


def write_confusions(path: Path, splits: Mapping[str, ImageConfusions]) -> None:
    """Write the matrices of one or more splits as CSV, a row per image, whole or not at all.

    Columns: ``split, id, group``, then ``true<i>_predicted<j>`` for every pair of classes.

    Raises:
        ValueError: the splits differ in their number of classes.
    """
    sizes = {confusions.classes for confusions in splits.values()}
    if len(sizes) != 1:
        raise ValueError(f"splits with different numbers of classes: {sorted(sizes)}")
    with (
        replacing_file(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors=_ERRORS) as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*FIXED_COLUMNS, *_pair_columns(sizes.pop())])
        for split, confusions in splits.items():
            rows = confusions.counts.reshape(len(confusions), -1).tolist()
            for name, group, row in zip(confusions.ids, confusions.groups, rows, strict=True):
                writer.writerow([split, name, group, *row])


def read_confusions(path: Path) -> dict[str, ImageConfusions]:
    """Inverse of :func:`write_confusions`: the matrices by split, in the order of the file.

    Raises:
        DataError: the file is missing, or was not written by :func:`write_confusions`.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8", errors=_ERRORS) as stream:
            header, *rows = csv.reader(stream)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"Cannot read {path}: {error}. Evaluate the model again.") from error
    classes = round(max(0, len(header) - len(FIXED_COLUMNS)) ** 0.5)
    if header != [*FIXED_COLUMNS, *_pair_columns(classes)]:
        raise DataError(f"{path} does not have the columns of a confusion file. Evaluate the model again.")
    by_split: dict[str, list[Sequence[str]]] = {}
    for row in rows:
        if len(row) != len(header):
            raise DataError(f"{path} has a row of {len(row)} values, not {len(header)}. Evaluate again.")
        by_split.setdefault(row[0], []).append(row)
    try:
        return {
            split: ImageConfusions(
                ids=tuple(row[1] for row in rows),
                groups=tuple(row[2] for row in rows),
                counts=np.array([row[3:] for row in rows], dtype=np.int64).reshape(-1, classes, classes),
            )
            for split, rows in by_split.items()
        }
    except ValueError as error:
        raise DataError(f"{path} holds a count that is no number: {error}. Evaluate again.") from error


def _pair_columns(classes: int) -> list[str]:
    return [f"true{i}_predicted{j}" for i in range(classes) for j in range(classes)]
