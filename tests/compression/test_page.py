"""The page of a compression shows what was measured where it was, and labels beside their marks."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.compression.test_result import candidate, final

from descale.compression.page import chart, how_it_was_chosen
from descale.compression.request import Limits
from descale.compression.result import Tried

LIMITS = Limits(ms=14)


def past_the_limit(picture: str) -> bool:
    """Whether the first mark lies on the right of the line of the limit."""
    marks = re.findall(r'<circle cx="([\d.]+)" cy="[\d.]+" r="5"', picture)
    (limit,) = re.findall(r'<line x1="([\d.]+)"[^>]*class="floor"', picture)
    return float(marks[0]) > float(limit)


def labels(picture: str) -> list[tuple[float, float]]:
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>U-Net', picture)
    return [(float(x), float(y)) for x, y in found]


def test_the_network_of_the_bundle_lies_where_it_was_measured() -> None:
    made = replace(final(ms=18.0), candidate=candidate(0.3, 10.0))
    dense = Tried(candidate(0.0, 30.0), "parent", 20, 0.58)
    table = [Tried(candidate(0.3, 10.0), "final", 20, 0.61), dense]
    assert past_the_limit(chart(table, made, LIMITS))
    elsewhere = replace(made, ms=float("nan"))  # another device, so that nothing was measured
    assert not past_the_limit(chart(table, elsewhere, LIMITS))


def test_labels_of_marks_that_lie_close_stay_near_them() -> None:
    made = replace(final(ms=10.0), candidate=candidate(0.3, 10.0))
    near = ((22.4, 0.571), (22.8, 0.582), (28.0, 0.565))
    table = [Tried(candidate(0.3, 10.0), "final", 20, 0.61)]
    table += [Tried(candidate(0.0, ms), "parent", 20, score) for ms, score in near]
    picture = chart(table, made, LIMITS)
    marks = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="5"', picture)
    for (x, y), (mark_x, mark_y) in zip(labels(picture), marks, strict=True):
        assert abs(x - float(mark_x)) < 20
        assert abs(y - float(mark_y)) < 20


def test_how_it_was_chosen_is_told_as_it_came_to_pass() -> None:
    one, other = candidate(0.3, 10.0), candidate(0.5, 8.0)
    alone = [Tried(one, "final", 20, 0.61)]
    told = how_it_was_chosen(alone, [one, other], Limits(ms=14))
    assert "no time for a search" in told
    assert "1 of 2 candidates were never tried" in told
    searched = [Tried(each, "round 1", 6, 0.5) for each in (one, other)] + alone
    told = how_it_was_chosen(searched, [one, other], Limits(drop=2))
    assert "short recovery" in told
    assert "never tried" not in told
    assert "50, 75 and 90 %" in told
