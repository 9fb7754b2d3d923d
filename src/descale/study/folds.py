"""Leave one out: for a handful of labelled photos, each is the test split once and all scores are pooled."""

from __future__ import annotations

import dataclasses

from descale.base.errors import DataError
from descale.data import Dataset, Sample
from descale.data.sample import Split

LEAST_PHOTOS = 3


def hold_out(dataset: Dataset, held_out: str) -> Dataset:
    """The data set with one photo as test split, its successor as validation, and the rest for training.

    Photos of the scene that is held out are left out of training and validation, so nothing leaks. The
    split that the set came with is ignored.

    Args:
        held_out: id of the test photo.

    Raises:
        DataError: no such photo, or too few scenes are left.
    """
    samples = sorted(dataset.samples, key=lambda sample: sample.id)
    ids = [sample.id for sample in samples]
    if held_out not in ids:
        raise DataError(f"Data set {dataset.name} has no photo '{held_out}'.")
    position = ids.index(held_out)
    test = samples[position]
    others = [s for s in [*samples[position + 1 :], *samples[:position]] if s.group != test.group]
    if len({sample.group for sample in others}) < LEAST_PHOTOS - 1:
        raise DataError(
            f"Data set {dataset.name}: without the scene of '{held_out}' fewer than {LEAST_PHOTOS - 1} "
            "scenes are left to train and validate on. Do not hold out one by one."
        )
    valid = others[0]
    train = [_moved(sample, "train") for sample in others if sample.group != valid.group]
    return dataset.with_samples([*train, _moved(valid, "valid"), _moved(test, "test")])


def _moved(sample: Sample, split: Split) -> Sample:
    return dataclasses.replace(sample, split=split)
