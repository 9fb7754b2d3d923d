"""COCO run-length encoding, plain and compressed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LONGEST = 60
"""Bits of a run."""


def decode_rle(counts: Sequence[int] | str, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Runs of background and object in turn, down the columns.

    Args:
        counts: lengths of the runs, or COCO's string of them.
        size: height and width.

    Returns:
        bool (H, W), true on the object.

    Raises:
        ValueError: the runs do not fill the picture exactly, or the string is damaged.

    >>> decode_rle([1, 2, 1], (2, 2)).astype(int).tolist()
    [[0, 1], [1, 0]]
    >>> bool((decode_rle("121", (2, 2)) == decode_rle([1, 2, 1], (2, 2))).all())
    True
    """
    runs = np.asarray(_unpack(counts) if isinstance(counts, str) else list(counts), dtype=np.int64)
    pixels = size[0] * size[1]
    total = sum(runs.tolist())  # exact: numpy's may wrap around
    if (runs < 0).any() or total != pixels:
        raise ValueError(f"runs add up to {total} pixels, the picture has {pixels}")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.ascontiguousarray(flat.reshape(size[1], size[0]).T)


def _unpack(text: str) -> list[int]:
    """5 bits to a character from '0' on; from the fourth run on, the difference to the run two before."""
    runs: list[int] = []
    place = 0
    while place < len(text):
        value, shift, more = 0, 0, True
        while more:
            if place >= len(text):
                raise ValueError("the run-length string ends too early")
            code = ord(text[place]) - 48
            if not 0 <= code < 64:
                raise ValueError(f"'{text[place]}' is no character of a run-length string")
            value |= (code & 0x1F) << shift
            more = bool(code & 0x20)
            place += 1
            shift += 5
            if shift > LONGEST:
                raise ValueError("a run of the run-length string is longer than any picture")
            if not more and code & 0x10:
                value -= 1 << shift
        if len(runs) > 2:
            value += runs[-2]
        runs.append(value)
    return runs
