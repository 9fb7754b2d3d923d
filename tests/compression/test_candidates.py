from __future__ import annotations

import pytest

from descale.compression.candidates import GRID, Candidate, Costs, find_candidates, neighbours
from descale.compression.request import Limits

SIDES = [(512, 512), (256, 256)]


def cost(architecture: str, sparsity: float, side: tuple[int, int]) -> Costs:
    """A made-up network: 100 ms and a million parameters dense at 512x512, half of the time for ``fpn``."""
    share = (1 - sparsity) ** 2
    pixels = side[0] * side[1] / 512**2
    factor = 0.5 if architecture == "fpn" else 1.0
    return Costs(100 * factor * share * pixels, 1e9 * share * pixels, round(1e6 * share))


def test_every_network_and_size_gives_the_widest_that_keeps_the_time() -> None:
    found = find_candidates(("unet", "fpn"), SIDES, Limits(ms=10), cost, int8=False)
    assert {(one.architecture, one.side) for one in found.fitting} == {
        (architecture, side) for architecture in ("unet", "fpn") for side in SIDES
    }
    for one in found.fitting:
        assert one.costs.ms <= 10
        wider = GRID[GRID.index(one.sparsity) - 1]
        assert cost(one.architecture, wider, one.side).ms > 10


def test_the_dense_network_on_a_smaller_picture_is_a_candidate_where_it_is_fast_enough() -> None:
    found = find_candidates(("unet",), SIDES, Limits(ms=30), cost, int8=False)
    assert (256, 256, 0.0) in {(*one.side, one.sparsity) for one in found.fitting}


def test_all_limits_hold_together() -> None:
    found = find_candidates(("unet",), SIDES, Limits(ms=90, mb=0.5, macs=9e8), cost, int8=False)
    assert all(one.costs.within(Limits(ms=90, mb=0.5, macs=9e8), int8=False) for one in found.fitting)
    wider = [one for one in GRID if one < found.fitting[0].sparsity]
    assert not cost("unet", wider[-1], (512, 512)).within(Limits(mb=0.5), int8=False)


def test_where_megabytes_are_limited_weights_take_half_and_of_int8_a_quarter() -> None:
    limits = Limits(mb=0.5)
    half = find_candidates(("unet",), SIDES[:1], limits, cost, int8=False).fitting[0]
    quarter = find_candidates(("unet",), SIDES[:1], limits, cost, int8=True).fitting[0]
    assert quarter.sparsity < half.sparsity
    assert 2 * half.costs.params <= 0.5e6 < 4 * half.costs.params


def test_what_nothing_reaches_leaves_the_cheapest_to_tell_of() -> None:
    found = find_candidates(("unet", "fpn"), SIDES, Limits(ms=1e-6), cost, int8=False)
    assert not found.fitting
    assert (found.cheapest.architecture, found.cheapest.side) == ("fpn", (256, 256))


def test_without_a_limit_on_cost_several_widths_of_every_size_are_tried() -> None:
    found = find_candidates(("unet",), SIDES, Limits(drop=2), cost, int8=False)
    assert {one.side for one in found.fitting} == set(SIDES)
    assert len({one.sparsity for one in found.fitting}) > 1


def test_beside_a_network_lie_a_wider_and_a_narrower() -> None:
    chosen = Candidate("unet", (512, 512), 0.7, cost("unet", 0.7, (512, 512)))
    wider, narrower = neighbours(chosen, cost)
    assert wider.sparsity < 0.7 < narrower.sparsity


@pytest.mark.parametrize(
    ("values", "words"), [({}, "--max-ms"), ({"ms": 0}, "above 0"), ({"drop": 0.02}, "points")]
)
def test_limits_that_make_no_sense_are_refused(values: dict[str, float], words: str) -> None:
    from descale.base.errors import ConfigError

    with pytest.raises(ConfigError, match=words):
        Limits(**values)


def test_a_reserve_is_kept_where_a_network_leaves_any() -> None:
    limits = Limits(ms=10)
    (one,) = find_candidates(("unet",), SIDES[:1], limits, cost, int8=False, reserve=0.2).fitting
    assert one.costs.ms <= 8
    assert cost("unet", GRID[GRID.index(one.sparsity) - 1], SIDES[0]).ms > 8
    least = cost("unet", GRID[-1], SIDES[0]).ms
    (tight,) = find_candidates(("unet",), SIDES[:1], Limits(ms=least), cost, int8=False, reserve=0.2).fitting
    assert tight.sparsity == GRID[-1]


def test_the_cheapest_is_what_comes_nearest_to_the_limits() -> None:
    def costs(architecture: str, sparsity: float, side: tuple[int, int]) -> Costs:
        return Costs(1.0, 1e6, 60_000) if architecture == "unet" else Costs(3.0, 1e6, 20_000)

    assert (
        find_candidates(("unet", "fpn"), SIDES, Limits(mb=1e-3), costs, int8=False).cheapest.architecture
        == "fpn"
    )
    assert (
        find_candidates(("unet", "fpn"), SIDES, Limits(ms=1e-3), costs, int8=False).cheapest.architecture
        == "unet"
    )
