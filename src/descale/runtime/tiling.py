"""Overlapping tiles with blended borders, in memory bounded by the tile and one strip of overlap.

Tiles start at multiples of the network's stride, so that its downsampling grids coincide with those of the
whole picture. Two neighbours share an overlap: the outer quarter of it is discarded on each side, over
the middle half the logits are blended linearly. For a network that sees no further than a quarter of
the overlap the result equals that of the whole picture exactly, away from the picture's padded edge.
Wider networks differ by what lies beyond; attention over the whole tile (MA-Net) differs everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Span:
    """Half-open range of pixels along one axis."""

    start: int
    stop: int


@dataclass(frozen=True)
class TilePlan:
    """Rows and columns of tiles; all tiles of a plan have the same size.

    >>> plan = plan_tiles(1000, 500, tile=512, overlap=128, stride=32)
    >>> plan.rows
    (Span(start=0, stop=448), Span(start=288, stop=736), Span(start=576, stop=1024))
    >>> plan.columns
    (Span(start=0, stop=512),)
    """

    height: int
    width: int
    rows: tuple[Span, ...]
    columns: tuple[Span, ...]

    def boxes(self) -> list[tuple[Span, Span]]:
        """Row and column spans of every tile, row by row."""
        return [(row, column) for row in self.rows for column in self.columns]


def plan_tiles(height: int, width: int, *, tile: int, overlap: int, stride: int) -> TilePlan:
    """Cover a picture of ``height`` x ``width`` pixels by equal tiles of side at most ``tile``.

    Tiles may reach beyond the picture, up to the next multiple of ``stride``.
    """
    return TilePlan(
        height,
        width,
        _cover(height, tile=tile, overlap=overlap, stride=stride),
        _cover(width, tile=tile, overlap=overlap, stride=stride),
    )


def _cover(length: int, *, tile: int, overlap: int, stride: int) -> tuple[Span, ...]:
    padded = _up(length, stride)
    if padded <= tile:
        return (Span(0, padded),)
    count = -(-(padded - overlap) // (tile - overlap))
    # The smallest equal size that still covers: no tile is computed for a sliver of picture.
    size = _up(-(-(padded - overlap) // count) + overlap, stride)
    free = padded - size
    starts = [free * i // (count - 1) // stride * stride for i in range(count)]
    return tuple(Span(start, start + size) for start in starts)


def cut_tile(pixels: NDArray[np.uint8], rows: Span, columns: Span) -> NDArray[np.uint8]:
    """A region as its tile, padded where it ends at the picture's edge: uint8 (1, h, w, 3), contiguous."""
    height, width = rows.stop - rows.start, columns.stop - columns.start
    missing = (height - pixels.shape[0], width - pixels.shape[1])
    if any(missing):
        pixels = np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    return np.require(pixels, requirements=("C", "W"))[np.newaxis]  # OpenVINO refuses read-only memory


def blend(
    plan: TilePlan, tiles: Iterable[NDArray[np.float32]]
) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Merge the values of overlapping tiles into blocks that do not overlap.

    Args:
        plan: the tiles.
        tiles: float32 (C, h, w) of each tile in the order of ``plan.boxes()``; they are overwritten.

    Yields:
        top, left, block (C, h', w'): disjoint, together they cover the picture, without its padding.
    """
    source = iter(tiles)
    above: NDArray[np.float32] | None = None
    shared_rows = max((a.stop - b.start for a, b in zip(plan.rows, plan.rows[1:], strict=False)), default=0)
    for i, row in enumerate(plan.rows):
        last_row = i + 1 == len(plan.rows)
        bottom = row.stop if last_row else plan.rows[i + 1].start
        left: NDArray[np.float32] | None = None
        for j, column in enumerate(plan.columns):
            last_column = j + 1 == len(plan.columns)
            right = column.stop if last_column else plan.columns[j + 1].start
            tile = next(source)
            if left is not None and left.shape[2]:
                _mix(left, tile[:, :, : left.shape[2]], ramp(left.shape[2]))
            left = None if last_column else tile[:, :, right - column.start :].copy()
            tile = tile[:, :, : right - column.start]
            if above is None and shared_rows:
                above = np.empty((tile.shape[0], shared_rows, plan.columns[-1].stop), np.float32)
            if above is not None:
                shared = plan.rows[i - 1].stop - row.start if i else 0
                if shared:
                    old = above[:, :shared, column.start : right]
                    _mix(old, tile[:, :shared], ramp(shared)[:, np.newaxis])
                if not last_row:
                    below = tile[:, bottom - row.start :]
                    above[:, : below.shape[1], column.start : right] = below
            yield (
                row.start,
                column.start,
                tile[:, : min(bottom, plan.height) - row.start, : min(right, plan.width) - column.start],
            )


def ramp(length: int) -> NDArray[np.float32]:
    """Weight of the later of two tiles over their overlap: 0, then rising over the middle half, then 1.

    >>> ramp(8).tolist()
    [0.0, 0.0, 0.125, 0.375, 0.625, 0.875, 1.0, 1.0]
    """
    centres = (np.arange(length, dtype=np.float32) + 0.5) / length
    return np.clip(2 * centres - 0.5, 0, 1).astype(np.float32)


def _mix(earlier: NDArray[np.float32], later: NDArray[np.float32], weight: NDArray[np.float32]) -> None:
    later -= earlier
    later *= weight
    later += earlier


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
