from __future__ import annotations

import pytest

from descale.compression.halving import LEAST_EPOCHS, Round, rounds

ONCE = [70.0] * 8


def test_the_time_is_kept_and_later_rounds_are_longer() -> None:
    first, second = rounds([10.0] * 6, 1200.0, once=ONCE)
    assert sum(one.candidates * one.epochs * 10.0 for one in (first, second)) + 6 * 70.0 <= 1200.0
    assert second.candidates < first.candidates
    assert second.epochs > first.epochs


@pytest.mark.parametrize("seconds", [250.0, 500.0])
def test_short_of_time_few_take_part_rather_than_all_for_nothing(seconds: float) -> None:
    first, *_ = rounds([10.0] * 8, seconds, once=ONCE)
    assert 2 <= first.candidates < 8
    assert first.epochs >= LEAST_EPOCHS


def test_where_there_is_no_time_for_two_there_is_no_search() -> None:
    assert rounds([10.0] * 8, 170.0, once=ONCE) == ()
    assert rounds([10.0] * 8, 180.0, once=ONCE) == (Round(2, LEAST_EPOCHS),)


def test_a_single_candidate_needs_no_search() -> None:
    assert rounds([10.0], None, once=ONCE) == ()
