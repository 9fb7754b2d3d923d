"""What a compression looks at before anything is trained: its output, the photos, their size, free space."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from descale.base.errors import ConfigError, DataError
from descale.base.photo import photo_size
from descale.compression.request import working_length
from descale.data import Dataset
from descale.data.sample import Sample

LARGEST = 512
"""Longest side of the largest working size where none is asked for, pixels."""
LEAST_SPACE = 500e6
"""Bytes that have to be free for the work folder."""


def checked_output(out: Path) -> Path:
    """The name of a bundle to write.

    Raises:
        ConfigError: it does not end in ``.zip``, or is a folder.
    """
    if out.suffix != ".zip":
        raise ConfigError(f"{out}: the bundle is one file; give a name that ends in .zip.")
    if out.is_dir():
        raise ConfigError(f"{out} is a folder; give another name.")
    return out


def require_corrosion(dataset: Dataset, source: str | Path) -> None:
    """In the splits to train on, to choose by and, where there is one, to judge by; nothing can be learnt,
    chosen or judged without it.

    Raises:
        DataError: a split has no photo, or none with corrosion.
    """
    for split in ("train", "valid"):
        samples = dataset.split(split)
        if not samples:
            raise DataError(
                f"{source} has no photo in the split '{split}': labelled photos are needed to train on and "
                "others to choose by. See: descale data check"
            )
        if not any(_shows_corrosion(one, dataset) for one in samples):
            raise DataError(f"{source}: no photo of the split '{split}' shows corrosion. Put some there.")
    judged_by = dataset.split("test")
    if judged_by and not any(_shows_corrosion(one, dataset) for one in judged_by):
        raise DataError(
            f"{source}: no photo of the split 'test' shows corrosion, so the result could not be judged. Put "
            "some there, or leave the split out: then it is judged by 'valid'."
        )


def _shows_corrosion(sample: Sample, dataset: Dataset) -> bool:
    return bool(np.isin(sample.read_mask(), dataset.classes.corrosion_ids).any())


def largest_side(size: int | tuple[int, int] | None, dataset: Dataset) -> tuple[int, int]:
    """The largest working size: as asked for, or that of the photos up to 512 on the longer side."""
    if isinstance(size, int):
        return size, size
    if size is not None:
        return size
    sizes = np.asarray([photo_size(sample.image) for sample in dataset.split("train")])
    height, width = (float(length) for length in np.median(sizes, axis=0))
    scale = min(1.0, LARGEST / max(width, height))
    return working_length(height * scale), working_length(width * scale)


def require_space(folder: Path) -> None:
    """Of disk, for the trainings.

    Raises:
        ConfigError: less than :data:`LEAST_SPACE` is free.
    """
    free = shutil.disk_usage(folder).free
    if free < LEAST_SPACE:
        raise ConfigError(
            f"{folder}: {free / 1e6:.0f} MB are free, at least {LEAST_SPACE / 1e6:.0f} are needed. "
            "Free some space, or give another --work."
        )
