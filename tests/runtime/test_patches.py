"""Patches against a plain flood fill."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from descale.runtime.patches import SAMPLED, drop_faint, find_patches, find_runs


def flood(mask: NDArray[np.bool_]) -> list[tuple[int, list[int]]]:
    """(area, [left, top, width, height]) of each patch, in the order of their first pixel."""
    left_over = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    patches = []
    for y, x in np.argwhere(mask).tolist():
        if (y, x) not in left_over:
            continue
        left_over.remove((y, x))
        patch, queue = [], [(y, x)]
        while queue:
            cy, cx = queue.pop()
            patch.append((cy, cx))
            near = {(cy + dy, cx + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left_over
            left_over -= near
            queue.extend(near)
        ys, xs = [p[0] for p in patch], [p[1] for p in patch]
        box = [min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1]
        patches.append((len(patch), box))
    return patches


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24)))
@settings(max_examples=300, deadline=None)
def test_equals_flood_fill(mask: NDArray[np.bool_]) -> None:
    patches = find_patches(mask)
    assert list(zip(patches.areas.tolist(), patches.boxes.tolist(), strict=True)) == flood(mask)


@given(st.integers(0, 1000), st.floats(0.1, 0.9))
@settings(max_examples=20, deadline=None)
def test_equals_flood_fill_on_noise(seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((70, 90)) < share
    patches = find_patches(mask)
    assert list(zip(patches.areas.tolist(), patches.boxes.tolist(), strict=True)) == flood(mask)


@given(st.integers(0, 1000), st.floats(0.2, 0.8), st.floats(0.3, 0.7))
@settings(max_examples=30, deadline=None)
def test_faint_patches_are_those_whose_sampled_mean_is_low(seed: int, share: float, bound: float) -> None:
    random = np.random.default_rng(seed)
    blocks = random.random((9, 13)) < share
    mask = blocks.repeat(5, 0).repeat(3, 1)
    probabilities = random.random(mask[::SAMPLED, ::SAMPLED].shape)
    expected, dropped = mask.copy(), 0
    patches = find_patches(mask)
    for number in range(len(patches)):
        own = np.zeros_like(mask)
        for run in np.flatnonzero(patches.labels == number):
            own[patches.runs.row[run], patches.runs.start[run] : patches.runs.stop[run]] = True
        inside = probabilities[own[::SAMPLED, ::SAMPLED]]
        if inside.size and inside.mean() < bound:
            expected[own], dropped = False, dropped + 1
    assert drop_faint(mask, probabilities, bound) == dropped
    np.testing.assert_array_equal(mask, expected)


def test_spiral_is_one_patch() -> None:
    """Long chains of hooks are what a union-find gets wrong."""
    mask = np.zeros((101, 101), bool)
    top, left, bottom, right = 0, 0, 100, 100
    mask[0, :] = True
    while right - left > 4:
        mask[top : bottom + 1, right] = True
        mask[bottom, left : right + 1] = True
        mask[top + 2 : bottom + 1, left] = True
        mask[top + 2, left : right - 1] = True
        top, left, bottom, right = top + 2, left + 2, bottom - 2, right - 2
    patches = find_patches(mask)
    assert len(patches) == len(flood(mask)) == 1
    assert patches.areas.tolist() == [int(mask.sum())]


def test_runs_of_a_tall_mask() -> None:
    mask = np.ones((3000, 3), bool)
    mask[2999] = (True, False, True)
    runs = find_runs(mask)
    assert len(runs) == 3001
    assert (runs.start[-2:].tolist(), runs.stop[-2:].tolist(), runs.row[-1]) == ([0, 2], [1, 3], 2999)


@pytest.mark.parametrize("shape", [(0, 0), (5, 5), (1, 1)])
def test_nothing(shape: tuple[int, int]) -> None:
    patches = find_patches(np.zeros(shape, bool))
    assert len(patches) == 0
    assert patches.boxes.shape == (0, 4)
