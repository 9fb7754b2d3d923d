"""Run lengths survive the way there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from descale.data.rle import decode_rle


def runs_of(mask: np.ndarray) -> list[int]:
    """Plain counts: background first, down the columns."""
    flat = mask.T.ravel()
    changes = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *changes, flat.size]).tolist()
    return [0, *counts] if flat[0] else counts


def pack(counts: list[int]) -> str:
    """COCO's string, written from its specification (maskApi)."""
    text = ""
    for i, count in enumerate(counts):
        value = count - counts[i - 2] if i > 2 else count
        while True:
            bits, value = value & 0x1F, value >> 5
            more = value != -1 if bits & 0x10 else value != 0
            text += chr((bits | (0x20 if more else 0)) + 48)
            if not more:
                break
    return text


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.booleans()))
def test_there_and_back(mask: np.ndarray) -> None:
    counts = runs_of(mask)
    assert (decode_rle(counts, mask.shape) == mask).all()
    assert (decode_rle(pack(counts), mask.shape) == mask).all()


def test_long_runs() -> None:
    counts = [100_000, 3, 299_990, 7]
    assert decode_rle(pack(counts), (400, 1000)).sum() == 10


@pytest.mark.parametrize(("counts", "message"), [([1, 2], "add up"), ([5, -1], "add up"), ("P", "too early")])
def test_damaged(counts: list[int] | str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_rle(counts, (2, 2))


def test_runs_whose_sum_wraps_around_are_refused() -> None:
    huge = 2**63 - 1
    with pytest.raises(ValueError, match=rf"add up to {2 * huge + 14} pixels"):
        decode_rle([huge, huge, 12 + 2], (3, 4))
    with pytest.raises(ValueError, match="longer than any picture"):
        decode_rle("o" * 100_000, (3, 4))
