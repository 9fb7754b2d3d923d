"""The schedule drives the gates: what grows, what never falls, what is chosen by."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from tests.pruning.toy import pictures
from tests.training.scheduled import STEPS, FakeScaler, Run, same

from descale.base.errors import PruningError
from descale.pruning import STRATEGIES, cut_channels
from descale.pruning.importance import Scores
from descale.training.schedule import CountsAt


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("sparsity", [0.4, 0.95])
def test_sparsity_never_falls_and_ends_near_the_one_asked_for(strategy: str, sparsity: float) -> None:
    run = Run(strategy, sparsity=sparsity)
    history = [run.kept() for _ in run.steps()]
    sparsities = [run.graph.sparsity(kept) for kept in history]
    assert sparsities == sorted(sparsities)
    assert all(mask.any() for kept in history for mask in kept.values())
    assert sparsities[-1] == pytest.approx(sparsity, abs=0.11)
    assert set(history[-1]) == {group.index for group in run.graph.prunable}, "the head is not among them"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_at_the_end_the_gated_network_is_the_cut_one(strategy: str) -> None:
    run = Run(strategy)
    list(run.steps())
    run.network.eval()
    with torch.no_grad():
        gated = run.network(pictures())
    run.gates.remove()
    cut = cut_channels(run.network, run.graph, run.schedule.keep).eval()
    with torch.no_grad():
        assert torch.allclose(cut(pictures()), gated, atol=1e-5)
    kept = run.kept()
    assert cut.first.out_channels == kept[run.group("first")].sum() < 8
    assert cut.second.out_channels == kept[run.group("second")].sum() < 6
    assert cut.segmentation_head.out_channels == 2


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_widths_are_those_of_the_plan_group_by_group(strategy: str) -> None:
    run = Run(strategy)
    list(run.steps())
    assert {group: int(mask.sum()) for group, mask in run.kept().items()} == run.planned


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_sparsity_never_falls_even_where_the_counts_asked_for_rise(strategy: str) -> None:
    run = Run(strategy, updates=20)
    asked = iter([7, 4, 6, 3, 5, 2, 6] * 10)
    run.schedule._counts_at = lambda progress, scores, _open: dict.fromkeys(run.planned, next(asked))
    history = [run.graph.sparsity(run.kept()) for _ in run.steps()]
    assert history == sorted(history)
    assert history[-1] > 0


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "movement"])
def test_what_was_closed_stays_closed(strategy: str) -> None:
    run = Run(strategy)
    history = [run.kept() for _ in run.steps()]
    for before, after in pairwise(history):
        assert not any((after[group] & ~before[group]).any() for group in after)


@pytest.mark.parametrize("strategy", ["linear", "agp"])
def test_masks_change_at_the_updates_alone(strategy: str) -> None:
    run = Run(strategy, updates=4)
    history = [run.kept() for _ in run.steps()]
    changes = [step for step, (a, b) in enumerate(pairwise(history), start=2) if not same(a, b)]
    assert set(changes) <= {10, 20, 30, 40}
    assert changes[0] == 10
    if strategy == "linear":
        assert changes == [10, 20, 30, 40]


def test_one_shot_closes_everything_at_once_after_a_tenth() -> None:
    run = Run("one-shot")
    history = [run.graph.sparsity(run.kept()) for _ in run.steps()]
    assert history[:3] == [0.0, 0.0, 0.0]
    assert len(set(history[3:])) == 1
    assert history[3] == pytest.approx(0.6, abs=0.08)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("stop", [3, 17, 35])
def test_a_schedule_that_was_stopped_goes_on_as_if_it_had_not_been(strategy: str, stop: int) -> None:
    whole = Run(strategy)
    list(whole.steps(STEPS - 2))
    first = Run(strategy)
    list(first.steps(stop))
    torch.manual_seed(99)  # another process draws other numbers before it goes on
    second = Run(strategy)
    second.network.load_state_dict(first.network.state_dict())
    second.step = stop
    second.schedule.load_state_dict(first.schedule.state_dict())
    list(second.steps(STEPS - 2 - stop))
    assert same(whole.kept(), second.kept())
    assert second.schedule.progress == whole.schedule.progress
    assert torch.equal(whole.gates.values, second.gates.values)
    assert torch.equal(whole.importance.scores(whole.network), second.importance.scores(second.network))


def test_a_part_of_a_schedule_closes_its_own_share() -> None:
    """The third of five parts of a linear schedule: nothing changes until its last step, at 3 / 5."""
    run = Run("linear", updates=5, start=0.4, end=0.6, sparsity=0.5)
    assert run.schedule.progress == pytest.approx(0.4)
    history = [run.graph.sparsity(run.kept()) for _ in run.steps()]
    assert history[:-1] == [0.0] * (STEPS - 1)
    assert history[-1] == pytest.approx(0.6 * 0.5, abs=0.08)


def test_importance_is_gathered_anew_after_every_update() -> None:
    run = Run("agp", updates=2)
    sums = [
        float(sum(v.sum() for v in run.schedule.state_dict()["importance"].values())) for _ in run.steps()
    ]
    assert [step for step, total in enumerate(sums, start=1) if total == 0.0] == [20, 40]


def test_scores_of_closed_units_do_not_count_for_how_many_stay() -> None:
    seen: list[Scores] = []

    class Told(Run):
        def counts_at(self, sparsity: float) -> CountsAt:
            plain = super().counts_at(sparsity)

            def counts(progress: float, scores: Scores | None, open_units: dict[int, int]) -> dict[int, int]:
                if scores is not None:
                    seen.append({group: one.clone() for group, one in scores.items()})
                return plain(progress, scores, open_units)

            return counts

    run = Told("linear", updates=4)
    before = run.kept()
    for _ in run.steps():
        if seen and not same(before, run.kept()):
            for group, closed in ((group, ~mask) for group, mask in before.items()):
                assert not seen[-1][group][torch.from_numpy(closed)].any()
            before = run.kept()
    assert len(seen) >= 4
    assert any((~mask).any() for mask in before.values())


def test_progress_never_goes_back() -> None:
    run = Run("agp")
    run.schedule.close(0.5)
    before = run.kept()
    run.schedule.close(0.1)
    assert run.schedule.progress == 0.5
    assert same(before, run.kept())


@pytest.mark.parametrize("importance", ["taylor", "taylor-gate"])
def test_scaled_gradients_of_16_bits_give_the_same_scores_and_an_overflow_none(importance: str) -> None:
    found = []
    for scaler in (None, FakeScaler()):
        run = Run("agp", importance=importance)
        run.optimizer = torch.optim.SGD(run.network.parameters(), lr=0.0)  # the same gradients at every step
        run.scaler = scaler
        steps = run.steps()
        for _ in range(5):
            next(steps)
        found.append(run.importance.scores(run.network))
    plain, scaled = found
    assert plain.any()
    assert torch.allclose(scaled, plain * 4 / 5, rtol=1e-3), "the first step overflowed"


def test_scores_that_are_not_finite_choose_nothing() -> None:
    run = Run("agp")
    next(run.steps())
    run.importance.update(run.network, torch.full((run.graph.total,), torch.nan))
    with pytest.raises(PruningError, match="not finite"):
        run.schedule.close(1.0)
