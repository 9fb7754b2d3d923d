"""How the time is spent, with stages whose epochs take what a test says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from descale.compression.candidates import Candidate, Costs
from descale.compression.journal import Journal
from descale.compression.request import Limits, Request
from descale.compression.result import Tried
from descale.compression.search import Search
from descale.compression.stages import PARENT_EPOCHS, SIDE

SIDES = ((512, 512), (384, 384), (256, 256))
EPOCH = 400.0
"""Seconds of a dense epoch at the largest size; they fall with the pixels."""


class Paced:
    """What of the stages a plan asks."""

    def __init__(self, request: Request, folder: Path) -> None:
        self.request, self.journal = request, Journal(folder)
        self.scores: dict[tuple[str, int], float] = {}

    def parent_epoch_seconds(self, untrained: object, side: tuple[int, int]) -> float:
        return EPOCH * side[0] * side[1] / 512**2

    def candidate_epoch_seconds(self, candidate: Candidate, untrained: object) -> float:
        return 1.0

    def cutting_seconds(self, candidate: Candidate, untrained: object, *, short: bool) -> float:
        return 0.0

    def is_cut(self, candidate: Candidate) -> bool:
        return True

    def candidate(self, candidate: Candidate, epochs: int, *, short: bool) -> tuple[Path, float]:
        self.recovered_for = epochs
        return Path(candidate.name), self.scores.get((candidate.name, epochs), 0.5)

    @property
    def parent_epochs(self) -> int:
        return int(self.journal[PARENT_EPOCHS])

    @property
    def side(self) -> tuple[int, int]:
        return tuple(self.journal[SIDE])


class Untimed:
    """Costs that are not measured."""

    def untrained(self, architecture: str) -> None: ...

    int8 = False

    def __init__(self) -> None:
        self.again: dict[str, float] = {}
        self.falling = False
        """Whether narrower networks take less."""

    def __call__(self, architecture: str, sparsity: float, side: tuple[int, int]) -> Costs:
        return Costs(40.0 * (1 - sparsity) if self.falling else 10.0, 1e9, 10**5)

    def timed_again(self, candidate: Candidate, parent: object) -> Candidate:
        ms = self.again.get(candidate.name, candidate.costs.ms)
        return replace(candidate, costs=replace(candidate.costs, ms=ms))


def planned(folder: Path, minutes: float | None) -> tuple[Any, list[str]]:
    request = Request(
        Limits(ms=20), minutes, ("unet", "fpn"), "mobilenet_v2", "none", "onnxruntime", 1, False, 0, SIDES
    )
    candidates = [
        Candidate(name, side, 0.75, Costs(10.0, 1e9, 10**5))
        for name in ("unet", "fpn", "unet-half") for side in SIDES
    ]  # fmt: skip
    lines: list[str] = []
    stages: Any = Paced(request, folder)
    costs: Any = Untimed()
    search: Any = Search(stages, costs, candidates, lines.append)
    search.plan()
    search.parents = dict.fromkeys(("unet", "fpn", "unet-half"))
    return search, lines


def train(search: Any, **scores: float) -> None:
    """Dense parents with these validation scores, as if they had been trained."""
    for name, score in scores.items():
        whole = Candidate(name.replace("_", "-"), (384, 384), 0.0, Costs(90.0, 9e9, 10**6))
        search.tried.append(Tried(whole, "parent", 9, score))


@pytest.mark.parametrize(
    ("minutes", "side", "architectures"),
    [
        (None, (512, 512), {"unet", "fpn", "unet-half"}),
        (1000, (512, 512), {"unet", "fpn", "unet-half"}),
        (510, (512, 512), {"unet", "unet-half"}),  # time for both, but not for what is made of them
        (300, (512, 512), {"unet", "unet-half"}),
        (180, (384, 384), {"unet", "unet-half"}),
        (30, (256, 256), {"unet", "unet-half"}),
    ],
)
def test_short_of_time_it_works_at_a_smaller_size_rather_than_briefly(
    tmp_path: Path, minutes: float | None, side: tuple[int, int], architectures: set[str]
) -> None:
    search, lines = planned(tmp_path, minutes)
    assert search.stages.side == side
    assert {one.side for one in search.candidates} == {one for one in SIDES if one <= side}
    assert {one.architecture for one in search.candidates} == architectures
    told = "\n".join(lines)
    assert ("No time to train at more than" in told) == (side != SIDES[0])
    assert ("epochs are few" in told) == (minutes == 30)


def test_a_short_search_compares_sizes_and_counts_half_resolution_as_its_whole(tmp_path: Path) -> None:
    search, _ = planned(tmp_path, 180)
    macs = {("unet", 384): 4e8, ("unet-half", 384): 5e8, ("unet", 256): 9e8, ("unet-half", 256): 8e8}
    search.candidates = tuple(
        Candidate(name, (side, side), 0.5, Costs(10.0, cost, 10**5)) for (name, side), cost in macs.items()
    )
    train(search, unet=0.6, unet_half=0.5)
    search.stages.candidate_epoch_seconds = lambda *_: 1000.0  # no time for more than two
    search.rank()
    found = [one.candidate for one in search.tried if one.stage == "round 1"]
    assert [(one.architecture, one.side[0]) for one in found] == [("unet", 256), ("unet-half", 384)]


@pytest.mark.parametrize("seconds", [500.0, 1e5])  # time for a search of two, and for none
def test_a_candidate_that_is_too_slow_with_trained_weights_makes_way(tmp_path: Path, seconds: float) -> None:
    search, lines = planned(tmp_path, 180)
    train(search, unet=0.5, unet_half=0.5)
    search.stages.candidate_epoch_seconds = lambda *_: seconds
    first, second, *_ = search._promising()
    search._costs.again = {first.name: 25.0, second.name: 15.0}
    order = search.rank()
    assert first.name not in [one.name for one in order]
    assert order[0].costs.ms == (15.0 if seconds > 1e4 else order[0].costs.ms)
    assert second.name in [one.name for one in order]
    assert f"Without {first.title}: timed again" in "\n".join(lines)


def test_where_all_are_too_slow_with_trained_weights_they_are_tried_all_the_same(tmp_path: Path) -> None:
    search, _ = planned(tmp_path, 180)
    train(search, unet=0.5)
    search.candidates = tuple(one for one in search.candidates if one.architecture == "unet")
    search.stages.candidate_epoch_seconds = lambda *_: 1e5
    search._costs.again = {one.name: 25.0 for one in search.candidates}
    assert search.rank() == search._promising()


def test_a_restart_keeps_what_was_decided(tmp_path: Path) -> None:
    first, _ = planned(tmp_path, 180)
    epochs = first.journal[PARENT_EPOCHS]
    again, _ = planned(tmp_path, 180)
    again.journal.keep(SIDE, [256, 256])
    third, _ = planned(tmp_path, 180)
    assert again.journal[PARENT_EPOCHS] == epochs
    assert third.stages.side == (256, 256)


def test_a_second_network_that_was_begun_gets_its_turn_after_a_restart_too(tmp_path: Path) -> None:
    search, _ = planned(tmp_path, 180)
    one, other = search.candidates[:2]
    search.recover(one)
    assert search.time_for_another()
    search.recover(other)
    assert not search.time_for_another(), "two are enough"
    search.journal.save()

    again, _ = planned(tmp_path, 180)
    again._time = type("Spent", (), {"left": 1.0, "minutes_left": 0, "recovery_epochs": None})()
    again.recover(one)
    assert again.time_for_another()


def test_what_parents_took_beyond_what_was_expected_is_expected_of_the_recovery_too(tmp_path: Path) -> None:
    epochs = {}
    for slower in (1, 3):
        search, _ = planned(tmp_path / str(slower), 180)
        expected = search.stages.parent_epoch_seconds(None, search.stages.side) * search.stages.parent_epochs
        search.journal.keep("took unet", slower * expected)
        search.stages.candidate_epoch_seconds = lambda *_: 60.0
        search.recover(search.candidates[0])
        epochs[slower] = search.stages.recovered_for
    assert epochs[3] == pytest.approx(epochs[1] / 3, abs=1)


def test_the_search_never_ends_below_a_run_that_it_has(tmp_path: Path) -> None:
    search, _ = planned(tmp_path, 30)
    stages: Any = search.stages
    one = search.candidates[0]
    stages.scores = {(one.name, 9): 0.31, (one.name, 1): 0.14}
    search.tried.append(Tried(one, "round 1", 9, 0.31))
    search.journal.keep(f"anew {one.name}", True)
    search.journal.keep(f"recovery {one.name}", 1)
    search.recover(one)
    assert (search.tried[-1].epochs, search.tried[-1].score) == (9, 0.31)
    search.journal.keep(f"anew {one.name}", False)
    search.recover(one)
    assert stages.recovered_for == 9, "a shorter run of the same cuts is worth nothing"


def test_where_only_the_loss_is_limited_the_cheapest_near_the_best_stays(tmp_path: Path) -> None:
    request = Request(
        Limits(drop=2), None, ("unet",), "mobilenet_v2", "none", "onnxruntime", 1, False, 0, SIDES
    )
    candidates = [
        Candidate("unet", side, sparsity, Costs(side[0] / 100 * (1 - sparsity), side[0] * 1e6, 10**5))
        for side in SIDES for sparsity in (0.5, 0.75, 0.9)
    ]  # fmt: skip
    stages: Any = Paced(request, tmp_path)
    costs: Any = Untimed()
    search: Any = Search(stages, costs, candidates, lambda _: None)
    search.plan()
    search.parents = {"unet": None}
    whole = Candidate("unet", SIDES[0], 0.0, Costs(90.0, 9e9, 10**6))
    search.tried.append(Tried(whole, "parent", 9, 0.8))
    wide = {one.name for one in candidates if one.sparsity == 0.5}
    for one in candidates:
        for epochs in range(1, 60):
            stages.scores[one.name, epochs] = 0.8 if one.name in wide else 0.79
    stages.scores |= {("unet-256x256-0.9", epochs): 0.7 for epochs in range(1, 60)}
    assert search.rank()[0].name == "unet-384x384-0.9", "the cheapest that lost no more than two points"


def test_a_second_parent_is_left_out_where_the_first_took_too_long(tmp_path: Path) -> None:
    for slower, trained in ((1.0, ["unet", "fpn"]), (3.0, ["unet"])):
        search, lines = planned(tmp_path / str(slower), 1000)
        expected = search.stages.parent_epoch_seconds(None, search.stages.side) * search.stages.parent_epochs
        search.journal.keep("took unet", slower * expected)
        search.journal._before = slower * expected  # worked until now
        assert [name for name in ("unet", "fpn", "unet-half") if search._in_time(name)] == [
            *trained, "unet-half",
        ]  # fmt: skip
        assert {one.architecture for one in search.candidates} == {*trained, "unet-half"}
        assert ("No time for fpn any more" in "\n".join(lines)) == (slower == 3.0)


def test_rounds_are_planned_for_what_keeps_the_limits_when_timed_again(tmp_path: Path) -> None:
    """The first two would be compared; only one of all is left, so there is nothing to compare."""
    search, _ = planned(tmp_path, 180)
    train(search, unet=0.5, unet_half=0.5)
    search.stages.candidate_epoch_seconds = lambda *_: 100.0
    *others, last = search._promising()
    search._costs.again = {one.name: 25.0 for one in others}
    assert [one.name for one in search.rank()] == [last.name]
    assert search.journal["rounds"] == []
    assert not [one for one in search.tried if one.stage.startswith("round")]


def test_the_best_so_far_keeps_the_limits(tmp_path: Path) -> None:
    search, _ = planned(tmp_path, 180)
    one, other = search.candidates[:2]
    search.tried += [Tried(one, "round 1", 6, 0.5), Tried(other, "beside", 6, 0.6)]
    assert "best so far 0.500" in search.where("2/4 search")


def test_a_candidate_that_is_too_slow_makes_way_for_a_narrower_one_of_its_kind(tmp_path: Path) -> None:
    search, lines = planned(tmp_path, 180)
    train(search, unet=0.5, unet_half=0.5)
    search.stages.candidate_epoch_seconds = lambda *_: 1e5
    search._costs.falling = True
    first = search._promising()[0]
    search._costs.again = {first.name: 40.0}
    chosen = search.rank()[0]
    assert (chosen.architecture, chosen.side) == (first.architecture, first.side)
    assert chosen.sparsity > first.sparsity
    assert 10 < chosen.costs.ms <= 19, "as slow for its width as the first, within the limit and its reserve"
    assert f"{chosen.title} instead" in "\n".join(lines)
