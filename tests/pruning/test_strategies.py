"""Schedules: what grows, what never falls."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descale.base.errors import ConfigError
from descale.pruning.strategies import STRATEGIES, find_strategy


@given(
    name=st.sampled_from(list(STRATEGIES)),
    times=st.lists(st.floats(0, 1), min_size=2, max_size=20),
    updates=st.integers(1, 9),
)
def test_progress_never_falls_and_ends_at_one(name: str, times: list[float], updates: int) -> None:
    strategy = STRATEGIES[name]
    values = [strategy.progress(time, updates) for time in sorted(times)]
    assert values == sorted(values)
    assert all(0.0 <= value <= 1.0 for value in values)
    assert strategy.progress(1.0, updates) == pytest.approx(1.0)


def test_agp_cuts_most_at_first() -> None:
    steps = [STRATEGIES["agp"].progress(k / 5, 5) for k in range(6)]
    gains = [b - a for a, b in pairwise(steps)]
    assert gains == sorted(gains, reverse=True)


def test_unknown_strategy_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'movement'"):
        find_strategy("movment")
