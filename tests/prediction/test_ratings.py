"""Grades at, below and above every border of the two standards."""

from __future__ import annotations

import pytest

from descale.prediction.ratings import astm_d610, iso_4628_3

ISO = [(0, 0, 1), (0.05, 1, 2), (0.5, 2, 3), (1, 3, 4), (8, 4, 5)]
ASTM = [
    (0.01, 10, 9),
    (0.03, 9, 8),
    (0.1, 8, 7),
    (0.3, 7, 6),
    (1, 6, 5),
    (3, 5, 4),
    (10, 4, 3),
    (16, 3, 2),
    (33, 2, 1),
    (50, 1, 0),
]


@pytest.mark.parametrize(("border", "at", "above"), ISO)
def test_iso_borders(border: float, at: int, above: int) -> None:
    assert iso_4628_3(border) == at
    assert iso_4628_3(border + 1e-9) == above
    if border:
        assert iso_4628_3(border - 1e-9) == at


@pytest.mark.parametrize(("border", "at", "above"), ASTM)
def test_astm_borders(border: float, at: int, above: int) -> None:
    assert astm_d610(border) == at
    assert astm_d610(border - 1e-9) == at
    assert astm_d610(border + 1e-9) == above


def test_ends() -> None:
    assert (iso_4628_3(100), astm_d610(100), astm_d610(0)) == (5, 0, 10)


@pytest.mark.parametrize("percent", [-0.1, 100.1, float("nan")])
def test_not_a_percentage(percent: float) -> None:
    with pytest.raises(ValueError, match="not a percentage"):
        iso_4628_3(percent)
