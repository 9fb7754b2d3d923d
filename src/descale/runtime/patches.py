"""Connected patches of a mask, from its runs: cost grows with the outlines, not with the pixels.

Runs of set pixels are found row by row; runs of neighbouring rows that touch (also by a corner) are joined by
a union-find that handles all pairs at once (hooking the larger root under the smaller and
compressing paths, Shiloach & Vishkin 1982).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
SAMPLED = 4
"""Probabilities are looked at in every fourth pixel each way."""
_ROWS_AT_ONCE = 1024  # bounds the memory of the run search


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of set pixels, row by row and from left to right: pixels ``start..stop`` of row ``row``."""

    row: Integers
    start: Integers
    stop: Integers

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, eq=False)
class Patches:
    """Patches in the order of their first pixel.

    Attributes:
        areas: int64 (P,), pixels.
        boxes: int64 (P, 4): left, top, width, height, pixels.
        runs: all runs of the mask.
        labels: int64, the patch of each run.
    """

    areas: Integers
    boxes: Integers
    runs: Runs
    labels: Integers

    def __len__(self) -> int:
        return len(self.areas)


def drop_faint(mask: NDArray[np.bool_], probabilities: NDArray[Any], bound: float) -> int:
    """Clear the patches whose mean probability is below ``bound``, in place; returns how many.

    Args:
        mask: bool (H, W).
        probabilities: 0..1, of every :data:`SAMPLED`-th pixel of every :data:`SAMPLED`-th row. Patches
            without such a pixel stay: they are too small to be judged.
        bound: 0..1.

    >>> mask = np.zeros((8, 12), bool)
    >>> mask[:5, :5] = mask[:3, 7:] = True
    >>> drop_faint(mask, np.array([[0.9, 0.9, 0.5], [0.9, 0.7, 0.0]]), 0.8)
    1
    >>> bool(mask[:5, :5].all()), bool(mask[:, 7:].any())
    (True, False)
    """
    found = find_patches(mask)
    if not len(found):
        return 0
    runs, pitch = found.runs, mask.shape[1] + 1
    rows, columns = np.nonzero(mask[::SAMPLED, ::SAMPLED])
    places = rows * SAMPLED * pitch + columns * SAMPLED
    patch = found.labels[np.searchsorted(runs.row * pitch + runs.start, places, side="right") - 1]
    counts = np.bincount(patch, minlength=len(found))
    sums = np.bincount(patch, weights=probabilities[rows, columns], minlength=len(found))
    faint = (counts > 0) & (sums < bound * counts)
    for run in np.flatnonzero(faint[found.labels]):
        mask[runs.row[run], runs.start[run] : runs.stop[run]] = False
    return int(faint.sum())


def find_runs(mask: NDArray[np.bool_]) -> Runs:
    """Runs of ``True`` in a bool mask (H, W)."""
    height, width = mask.shape
    rows, starts, stops = [], [], []
    for top in range(0, height, _ROWS_AT_ONCE):
        part = mask[top : top + _ROWS_AT_ONCE]
        framed = np.zeros((part.shape[0], width + 2), np.bool_)  # so that no run crosses a row's end
        framed[:, 1:-1] = part
        flat = framed.reshape(-1)
        edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        row, start = np.divmod(edges[::2], width + 2)
        rows.append(row + top)
        starts.append(start - 1)
        stops.append(edges[1::2] - row * (width + 2) - 1)
    if not rows:
        empty = np.zeros(0, np.int64)
        return Runs(empty, empty, empty)
    return Runs(np.concatenate(rows), np.concatenate(starts), np.concatenate(stops))


def find_patches(mask: NDArray[np.bool_]) -> Patches:
    """Patches of a bool mask (H, W), pixels joined over edges and corners.

    >>> patches = find_patches(np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1]], bool))
    >>> patches.areas.tolist(), patches.boxes[0].tolist()
    ([3, 1, 1], [0, 0, 3, 2])
    """
    runs = find_runs(mask)
    roots = _connect(len(runs), *_touching(runs, mask.shape[1]))
    first, labels = np.unique(roots, return_inverse=True)  # a root is the first run of its patch
    count = len(first)
    areas = np.zeros(count, np.int64)
    np.add.at(areas, labels, runs.stop - runs.start)
    left = np.full(count, mask.shape[1], np.int64)
    right, bottom = np.zeros(count, np.int64), np.zeros(count, np.int64)
    np.minimum.at(left, labels, runs.start)
    np.maximum.at(right, labels, runs.stop)
    np.maximum.at(bottom, labels, runs.row + 1)
    top = runs.row[first]
    return Patches(areas, np.stack([left, top, right - left, bottom - top], axis=1), runs, labels)


def _touching(runs: Runs, width: int) -> tuple[Integers, Integers]:
    """Pairs of runs (upper, lower) in neighbouring rows that share an edge or a corner."""
    pitch = width + 2  # wider than any run, so that keys of different rows do not mix
    starts = runs.row * pitch + runs.start
    stops = runs.row * pitch + runs.stop
    low = np.searchsorted(stops, starts + pitch, side="left")
    high = np.searchsorted(starts, stops + pitch, side="right")
    counts = np.maximum(high - low, 0)
    upper = np.repeat(np.arange(len(runs)), counts)
    offsets = np.arange(len(upper)) - np.repeat(np.cumsum(counts) - counts, counts)
    return upper, np.repeat(low, counts) + offsets


def _connect(count: int, a: Integers, b: Integers) -> Integers:
    """Smallest index of the component of each of ``count`` nodes, given edges ``a[i]``-``b[i]``."""
    parent = np.arange(count)
    while len(a):
        a, b = parent[a], parent[b]
        different = a != b
        a, b = a[different], b[different]
        np.minimum.at(parent, np.maximum(a, b), np.minimum(a, b))
        while True:
            grandparent = parent[parent]
            if np.array_equal(grandparent, parent):
                break
            parent = grandparent
    return parent
