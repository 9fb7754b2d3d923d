"""Data sets of a study: listed, generated or checked once per process, folds cut out of them."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

from descale.data import Dataset, load_dataset
from descale.errors import StudyError
from descale.study.config import StudyData, Synthesis
from descale.study.folds import hold_out
from descale.study.trials import DataDescription, Trial

logger = logging.getLogger(__name__)


def describe_data(data: StudyData, root: Path) -> DataDescription:
    """Name, fingerprint and photos of a data set, which is generated under ``root`` if it is an embedded one.

    Raises:
        DataError: it cannot be read.
        StudyError: it has no test split, or problems that would falsify the results.
    """
    dataset = dataset_of(data, root)
    if not data.leave_one_out:
        for split in ("train", "valid", "test"):
            if not dataset.split(split):
                raise StudyError(
                    f"Data set {dataset.name} has no photo in the split '{split}'. Add some, or (with few "
                    "photos) write 'leave_one_out: true' in the study."
                )
    photos = tuple(sorted(sample.id for sample in dataset.samples)) if data.leave_one_out else ()
    return DataDescription(data.name or dataset.name, dataset.fingerprint(), photos)


@lru_cache(maxsize=64)
def dataset_of(data: StudyData, root: Path) -> Dataset:
    """The data set as the study wants it, all photos in it."""
    source = data.source if data.source is not None else str(_generated(data.synthesize, root))
    return load_dataset(source, binary=data.binary)


def dataset_of_trial(trial: Trial, root: Path) -> Dataset:
    """The data set of one trial: a fold of it where photos are held out in turn.

    Raises:
        StudyError: the files changed since the study was planned.
    """
    dataset = dataset_of(trial.data, root)
    if dataset.fingerprint() != trial.fingerprint:
        raise StudyError(
            f"Data set {trial.dataset} changed while the study ran. Start again; its trials become new ones."
        )
    return hold_out(dataset, trial.fold) if trial.fold is not None else dataset


def _generated(wanted: Synthesis | None, root: Path) -> Path:
    if wanted is None:
        raise StudyError("A data set needs 'source' or 'synthesize'.")
    from descale.data.synthesize import synthesize_dataset

    folder = root / "data" / f"embedded-{wanted.classes}-classes-{wanted.count}-photos-seed-{wanted.seed}"
    if not folder.exists():
        synthesize_dataset(folder, count=wanted.count, classes=wanted.classes, seed=wanted.seed)
    return folder
