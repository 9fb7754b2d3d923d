"""What a compression looks at before anything is trained: its output, the photos, their size, free space."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from descale.base.errors import ConfigError, DataError
from descale.base.photo import photo_size
from descale.compression.request import working_length
from descale.data import Dataset
from descale.data.sample import SPLITS

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
    """In every split that there is; nothing can be learnt, chosen or judged without it.

    Raises:
        DataError: no photo of a split shows corrosion.
    """
    for split in SPLITS:
        samples = dataset.split(split)
        if samples and not any(
            np.isin(one.read_mask(), dataset.classes.corrosion_ids).any() for one in samples
        ):
            # without a test split, what was chosen by is also judged by
            other = " or leave the split out" if split == "test" else ""
            raise DataError(
                f"{source}: no photo of the split '{split}' shows corrosion. Put some there{other}."
            )


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
