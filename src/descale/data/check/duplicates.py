"""Photos that are the same picture: byte for byte, or as a person would say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from descale.data.check.scan import THUMBNAIL

SIDE = 32
"""Cells to a side in which pictures are compared."""

HASH_BITS = 63
NEAR_BITS = 10
"""Largest number of differing bits. Augmented copies of one photo differ in 0 to 14 of 63 bits (half of
them in at most 4), different photos in 10 or more (measured on 1084 photos and 42 exported copies)."""
NEAR_CORRELATION = 0.93
"""Least correlation of the thumbnails: copies have 0.97 and more as a rule, different photos up to 0.91."""
FLAT = 4.0
"""Thumbnails with less deviation (grey levels) show nothing to compare."""

_BLOCK = 512


def exact_duplicates(digests: Sequence[bytes | None]) -> list[tuple[int, ...]]:
    """Groups of two and more places with the same digest."""
    places: dict[bytes, list[int]] = defaultdict(list)
    for i, digest in enumerate(digests):
        if digest is not None:
            places[digest].append(i)
    return [tuple(group) for group in places.values() if len(group) > 1]


def near_duplicates(thumbnails: Sequence[NDArray[np.float32] | None]) -> Iterator[tuple[int, int]]:
    """Pairs (i < j) of pictures that are copies up to compression, brightness, mirroring and quarter turns.

    Two must hold: the perceptual hashes (signs of the low frequencies of a cosine transform) are
    near, and the thumbnails correlate. The hash of one picture is compared with those of all eight
    mirrored and turned versions of the other.
    """
    usable = [i for i, small in enumerate(thumbnails) if small is not None and small.std() >= FLAT]
    if len(usable) < 2:
        return
    upright = np.stack([_coarser(small) for i in usable if (small := thumbnails[i]) is not None])
    first_hash = perceptual_hash(upright)
    first_flat = _standard(upright)
    versions = [_turned(upright, turn) for turn in range(8)]
    hashes = [perceptual_hash(version) for version in versions]
    flats = [_standard(version) for version in versions]
    for start in range(0, len(usable), _BLOCK):
        rows = slice(start, start + _BLOCK)
        near: NDArray[np.bool_] = np.zeros((len(first_hash[rows]), len(usable)), dtype=bool)
        for turned_hash, turned_flat in zip(hashes, flats, strict=True):
            bits = (HASH_BITS - first_hash[rows] @ turned_hash.T) / 2
            for i, j in np.argwhere(bits <= NEAR_BITS):
                near[i, j] |= float(first_flat[start + i] @ turned_flat[j]) >= NEAR_CORRELATION
        for i, j in np.argwhere(near):
            if start + i < j:
                yield usable[start + i], usable[j]


def _coarser(thumbnail: NDArray[np.float32]) -> NDArray[np.float32]:
    step = THUMBNAIL // SIDE
    return thumbnail.reshape(SIDE, step, SIDE, step).mean(axis=(1, 3), dtype=np.float32)


def perceptual_hash(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """Hashes of thumbnails (N, 32, 32), as +1 and -1 in (N, 63).

    Low frequencies of the cosine transform without the mean, compared with their median (pHash;
    Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010).
    """
    k = np.arange(SIDE)
    basis = np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / (2 * SIDE))[:8].astype(np.float32)
    low = np.einsum("ky,nyx,lx->nkl", basis, thumbnails, basis, optimize=True)
    flat = low.reshape(len(thumbnails), 64)[:, 1:]
    return np.where(flat > np.median(flat, axis=1, keepdims=True), 1, -1).astype(np.float32)


def _turned(thumbnails: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    mirrored = thumbnails[:, :, ::-1] if turn >= 4 else thumbnails
    return np.rot90(mirrored, turn % 4, axes=(1, 2))


def _standard(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of mean 0 and length 1, so that a dot product is a correlation."""
    flat = thumbnails.reshape(len(thumbnails), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)
