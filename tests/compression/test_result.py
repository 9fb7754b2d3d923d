from __future__ import annotations

from pathlib import Path

from descale.compression.candidates import Candidate, Costs
from descale.compression.request import Limits
from descale.compression.result import Final, Tried, margins, nearest, offers
from descale.evaluation.bootstrap import Interval


def candidate(sparsity: float, ms: float) -> Candidate:
    return Candidate("unet", (512, 512), sparsity, Costs(ms, ms * 1e7, 1000))


def interval(value: float) -> Interval:
    return Interval(value, value - 0.01, value + 0.01, 10, 10, 1)


def final(
    ms: float = 9.0, drop: float = 0.01, collapsed: tuple[str, ...] = (), drop_valid: float = 0.01
) -> Final:
    return Final(
        candidate(0.75, ms), Path("m"), "test", interval(0.7), interval(drop), "float32", ms, 0.5, drop_valid,
        collapsed,
    )  # fmt: skip


def test_kept_limits_are_not_missed() -> None:
    assert final().violations(Limits(ms=10, drop=2, mb=1, macs=1e9)) == ()


def test_every_missed_limit_is_named() -> None:
    missed = final(ms=12, drop=0.03).violations(Limits(ms=10, drop=2, mb=0.1, macs=1e6))
    assert len(missed) == 4
    assert "12.0 ms instead of 10" in missed


def test_a_drop_that_is_not_defined_keeps_no_limit() -> None:
    assert final(drop=float("nan")).violations(Limits(drop=5))


def test_a_collapsed_network_is_within_no_limits() -> None:
    assert final(collapsed=("it calls nothing corroded",)).violations(Limits(ms=100))


def test_margins_compare_runs_of_equal_length() -> None:
    tried = [
        Tried(candidate(0.75, 10), "round 1", 5, 0.60),
        Tried(candidate(0.6, 14), "beside", 5, 0.62),
        Tried(candidate(0.85, 6), "beside", 5, 0.56),
        Tried(candidate(0.75, 10), "final", 100, 0.70),
        Tried(candidate(0.0, 90), "parent", 60, 0.72),
    ]
    more, less = margins(tried, candidate(0.75, 10))
    assert "about 2 ms" in more  # 4 ms for 2 points
    assert "about 1 points" in less  # 4 points for 4 ms


def test_networks_that_take_as_long_tell_no_price_of_a_millisecond() -> None:
    tried = [
        Tried(candidate(0.75, 10), "round 1", 5, 0.60),
        Tried(candidate(0.76, 9.7), "round 1", 5, 0.56),
        Tried(candidate(0.74, 10.3), "round 1", 5, 0.61),
    ]
    more, less = margins(tried, candidate(0.75, 10))
    assert "No wider network" in more
    assert "No faster network" in less


def test_margins_say_when_nothing_was_tried() -> None:
    assert "not known" in margins([], candidate(0.75, 10))[0]


def test_offers_name_the_nearest_within_costs_and_within_loss() -> None:
    tried = [Tried(candidate(0.5, 20), "round 1", 5, 0.71), Tried(candidate(0.75, 9), "final", 50, 0.60)]
    found = offers(tried, final(ms=9, drop=0.12), Limits(ms=10, drop=2), dense=0.72)
    assert "9.0 ms" in found[0]
    assert "20.0 ms" in found[1]


def test_networks_are_chosen_by_the_validation_split() -> None:
    limits = Limits(ms=10, drop=2)
    lucky, good = final(drop=0.01, drop_valid=0.04), final(drop=0.03, drop_valid=0.01)
    assert lucky.violations(limits) == ()
    assert "4.0 points lost" in lucky.violations_by_validation(limits)[0]
    assert good.violations_by_validation(limits) == ()
    assert nearest([lucky, good], limits) == 1


def test_of_two_that_miss_the_nearer_is_told() -> None:
    limits = Limits(ms=10, drop=2)
    assert nearest([final(drop_valid=0.021), final(drop_valid=0.09)], limits) == 0
    assert nearest([final(drop_valid=0.03, ms=11), final(drop_valid=0.09)], limits) == 1
    assert nearest([final(drop_valid=float("nan")), final(drop_valid=0.09)], limits) == 1


def test_where_only_the_loss_is_limited_what_was_made_is_offered() -> None:
    lines = offers([], final(drop=0.05), Limits(drop=2), dense=0.8)
    assert lines[0].startswith("Within the costs")
    assert offers([], final(collapsed=("same answer",)), Limits(drop=2), 0.8)[0].startswith("Made in the end")
