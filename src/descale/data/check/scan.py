"""Decode every photo and label of a set once, in parallel, and keep what the checks need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from descale.base.errors import DataError
from descale.base.fingerprint import content_hash
from descale.base.machine import usable_cores
from descale.base.photo import photo_orientation
from descale.data.readers.mask_files import value_counts
from descale.data.sample import Notes, Sample

MOST_AT_ONCE = 8
"""Photos decoded at a time: each takes up to a gigabyte, where labels are colours and photos large."""
THUMBNAIL = 64
"""Side of the thumbnails, in cells."""


@dataclass(frozen=True)
class Scanned:
    """What one sample turned out to be. Fields are ``None`` where an error kept them from being known.

    Attributes:
        size: height and width of the upright photo.
        orientation: how the file is to be turned to be upright, EXIF 1 to 8; 1 is not at all.
        thumbnail: grey levels, float32 (64, 64).
        digest: SHA-256 of the photo file.
        counts: pixels per class id, (256,); the last are those that are ignored.
        notes: what the label's file told beside its mask.
        errors: what went wrong with the photo or its label.
    """

    sample: Sample
    size: tuple[int, int] | None
    thumbnail: NDArray[np.float32] | None
    digest: bytes | None
    counts: NDArray[np.int64] | None
    notes: Notes | None
    errors: tuple[DataError, ...]
    orientation: int = 1


def scan(samples: Sequence[Sample], progress: Callable[[int], None] | None = None) -> list[Scanned]:
    """Decode all samples; the order is kept.

    Args:
        samples: what to decode.
        progress: called with the number of samples done.
    """
    done: list[Scanned] = []
    with ThreadPoolExecutor(max_workers=min(MOST_AT_ONCE, usable_cores())) as pool:
        try:
            for scanned in pool.map(_scan_one, samples):
                done.append(scanned)
                if progress:
                    progress(len(done))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return done


def thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean grey levels of a picture over a grid of 64 x 64 cells."""
    small = Image.fromarray(image).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(small.convert("L"), dtype=np.float32)


def _scan_one(sample: Sample) -> Scanned:
    size, small, digest, counts, notes, orientation = None, None, None, None, None, 1
    errors: list[DataError] = []
    try:
        digest = content_hash(sample.image)
        image = sample.read_image()
        size = (image.shape[0], image.shape[1])
        orientation = photo_orientation(sample.image)
        small = thumbnail(image)
    except DataError as error:
        errors.append(error)
    if size is not None:
        try:
            reading = sample.label.read(size)
            counts, notes = value_counts(reading.mask), reading.notes
        except DataError as error:
            errors.append(error)
    return Scanned(sample, size, small, digest, counts, notes, tuple(errors), orientation)
