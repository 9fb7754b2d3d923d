"""Photos that show parts of one another: tiles cut with overlap, frames of a slow pan.

They are no copies, so their thumbnails differ; moved over each other, they agree where they overlap. All
pairs are moved over each other as 16 x 16 cells first, which matrix products do for many at once; those that
agree are moved a little more in 64 x 64. What is compared is structure, its contrast made even, so that
neither light nor one strong edge decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from descale.data.check.scan import THUMBNAIL, Scanned
from descale.data.sample import SPLITS

NEAREST = 1500
"""Photos that follow in the order of names and are compared with each; smaller sets are compared whole."""
LEAST_OVERLAP = 0.42
"""Share of a photo that must be seen in the other; less agrees by chance."""
CANDIDATE = 0.6
"""Agreement of the cells from which on a pair is looked at closely."""
LEAST_AGREEMENT = 0.75
"""Photos of different places reach 0.58 (rust-photos, 527,734 pairs), 0.65 (drawn ones, 179,400 pairs), 0.69
(web-photos, 253,116 pairs). Tiles of one photo that overlap by half or more have at least 0.80 if their cells
agree (2,188 of 2,277 pairs); of frames of NEA that share three quarters, half have 0.77 and more."""

_CELLS = 16
_STEP = THUMBNAIL // _CELLS
_FAINT = 2.0
"""Contrast of about so many grey levels is noise."""
_EMPTY = 0.2
"""Mean contrast (1 is full of structure) below which there is nothing to compare."""
_PLAIN = 2.0
"""Rows and columns at the border that differ by less (grey levels) are bars around the picture."""
_BLOCK = 512

Stack = NDArray[np.float32]


def overlapping_across_splits(scanned: Sequence[Scanned]) -> Iterator[tuple[int, int]]:
    """Pairs (i, j) of photos in different splits that show parts of one another."""
    usable = [place for place, one in enumerate(scanned) if one.thumbnail is not None]
    usable.sort(key=lambda place: _natural(scanned[place].sample.image.name))
    if len(usable) < 2:
        return
    pictures, shown = zip(*(_without_bars(scanned[place].thumbnail) for place in usable), strict=True)
    levels, inside = np.stack(pictures), np.stack(shown)
    cells = _structure(_in_cells(levels), 2) * _in_cells(inside)
    fine = _structure(levels, 4) * inside
    splits = np.array([SPLITS.index(scanned[place].sample.split) for place in usable])
    for first, second, shift in _candidates(cells, splits):
        if _agreement(fine[first], fine[second], shift) >= LEAST_AGREEMENT:
            yield usable[first], usable[second]


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts numbers by their value."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _without_bars(thumbnail: Stack | None) -> tuple[Stack, Stack]:
    """The picture continued over plain bars around it, and 1 where it is shown, 0 in the bars."""
    assert thumbnail is not None
    rows = np.flatnonzero(np.ptp(thumbnail, axis=1) > _PLAIN)
    columns = np.flatnonzero(np.ptp(thumbnail, axis=0) > _PLAIN)
    inside = np.zeros_like(thumbnail)
    if not rows.size or not columns.size:
        return thumbnail, inside
    here = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    inside[here] = 1
    around = [(kept.start, size - kept.stop) for kept, size in zip(here, thumbnail.shape, strict=True)]
    return np.pad(thumbnail[here], around, mode="edge"), inside


def _in_cells(levels: Stack) -> Stack:
    cells = levels.reshape(-1, _CELLS, _STEP, _CELLS, _STEP).mean(axis=(2, 4))
    return np.asarray(cells, dtype=np.float32)


def _structure(levels: Stack, radius: int) -> Stack:
    """What differs from its surroundings, in shares of the contrast there: (N, n, n), mean about 0."""
    detail = levels - _blurred(levels, radius)
    contrast = np.sqrt(_blurred(detail * detail, radius)) + np.float32(_FAINT)
    return np.asarray(detail / contrast, dtype=np.float32)


def _blurred(levels: Stack, radius: int) -> Stack:
    """Twice the mean of a square with a side of 2 * radius + 1, borders continued."""
    size, width = levels.shape[1], 2 * radius + 1
    for _ in range(2):
        for axis in (1, 2):
            around = [(radius, radius) if axis == other else (0, 0) for other in range(3)]
            padded = np.moveaxis(np.pad(levels, around, mode="edge"), axis, 1)
            total = sum((padded[:, k : k + size] for k in range(1, width)), start=padded[:, :size])
            levels = np.moveaxis(total / np.float32(width), 1, axis)
    return levels


def _candidates(cells: Stack, splits: NDArray[np.int_]) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Pairs in different splits whose cells agree, and the shift, in cells, at which they agree best."""
    reach = range(1 - _CELLS, _CELLS)
    shifts = [
        (dy, dx) for dy in reach for dx in reach
        if (_CELLS - abs(dy)) * (_CELLS - abs(dx)) >= LEAST_OVERLAP * _CELLS**2
    ]  # fmt: skip
    for start in range(0, len(cells), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(cells)))
        later = np.arange(start, min(int(block[-1]) + NEAREST + 1, len(cells)))
        for split in np.unique(splits[block]):
            rows, columns = block[splits[block] == split], later[splits[later] != split]
            best = np.full((len(rows), len(columns)), CANDIDATE, dtype=np.float32)
            at = np.full(best.shape, -1, dtype=np.int16)
            for number, (dy, dx) in enumerate(shifts):
                found = _part(cells[rows], dy, dx) @ _part(cells[columns], -dy, -dx).T
                better = found > best
                best[better], at[better] = found[better], number
            for i, j in np.argwhere(at >= 0):
                if rows[i] < columns[j] <= rows[i] + NEAREST:
                    yield int(rows[i]), int(columns[j]), shifts[at[i, j]]


def _part(pictures: Stack, dy: int, dx: int) -> Stack:
    """What overlaps a picture that is moved by (dy, dx): rows of length 1, shorter where little is shown."""
    part = pictures[:, _shared(dy, pictures.shape[1]), _shared(dx, pictures.shape[2])]
    flat = part.reshape(len(part), part.shape[1] * part.shape[2])
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return flat / np.maximum(length, np.float32(_EMPTY * flat.shape[1] ** 0.5))


def _shared(shift: int, size: int) -> slice:
    return slice(max(shift, 0), size + min(shift, 0))


def _agreement(first: Stack, second: Stack, shift: tuple[int, int]) -> float:
    """Correlation of two pictures where they agree best, at most a cell from a shift given in cells."""
    side, margin = THUMBNAIL + 2 * _STEP, THUMBNAIL + _STEP
    top, left = (margin - _STEP - moved * _STEP for moved in shift)
    around = np.pad(second, margin)[top : top + side, left : left + side]
    windows = sliding_window_view(around, (THUMBNAIL, THUMBNAIL)).reshape(-1, THUMBNAIL**2)
    down, right = divmod(int((windows @ first.ravel()).argmax()), 2 * _STEP + 1)
    dy, dx = shift[0] * _STEP + _STEP - down, shift[1] * _STEP + _STEP - right
    return float((_part(first[None], dy, dx) @ _part(second[None], -dy, -dx).T).item())
