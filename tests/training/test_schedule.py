"""The schedule drives the gates: what grows, what never falls, what is frozen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.pruning.toy import Toy, loss_of, pictures
from torch import Tensor

from descale.base.errors import PruningError
from descale.pruning import (
    IMPORTANCES,
    STRATEGIES,
    Gates,
    allocate,
    build_channel_graph,
    cut_channels,
)
from descale.pruning.importance import Scores, by_group
from descale.training.schedule import CountsAt, PruningSchedule

STEPS = 40
Kept = dict[int, NDArray[np.bool_]]


class FakeScaler:
    """Scales the loss by 1024, and in the first step by so much that gradients overflow."""

    def get_scale(self, step: int) -> float:
        return float("inf") if step == 0 else 1024.0


class Run:
    """A toy network under a schedule, trained by plain gradient descent."""

    def __init__(
        self,
        strategy: str,
        *,
        sparsity: float = 0.6,
        updates: int = 4,
        start: float = 0.0,
        end: float = 1.0,
        importance: str = "taylor-gate",
    ) -> None:
        chosen = STRATEGIES[strategy]
        self.network = Toy().train()
        self.graph = build_channel_graph(self.network)
        self.gates = Gates(self.network, self.graph, scored=True)
        self.planned = allocate(self.graph, sparsity)
        self.importance = IMPORTANCES[chosen.importance or importance](self.graph)
        self.schedule = PruningSchedule(
            self.network,
            self.graph,
            self.gates,
            chosen,
            self.counts_at(sparsity),
            start=start,
            end=end,
            updates=updates,
            importance=self.importance,
        )
        self.scaler: FakeScaler | None = None  # of 16-bit training
        self.step = 0
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.02)

    def counts_at(self, sparsity: float) -> CountsAt:
        return lambda progress, scores, open_units: allocate(
            self.graph, progress * sparsity, scores=scores, open_units=open_units
        )

    def steps(self, count: int = STEPS) -> Iterator[float]:
        """Train; yields the share of the schedule that is done."""
        self.schedule.begin(STEPS, torch.device("cpu"))
        for _ in range(count):
            self.optimizer.zero_grad()
            scale = self.scaler.get_scale(self.step) if self.scaler else 1.0
            (loss_of(self.network, pictures()) * scale).backward()
            self.schedule.after_backward(self.step, scale)
            if self.scaler is None:  # a scaler's step is not what is tested
                self.optimizer.step()
            self.schedule.after_step(self.step)
            self.step += 1
            yield self.step / STEPS

    def group(self, layer: str) -> int:
        """Number of the group of a layer's filters."""
        return next(group.index for group in self.graph.prunable if group.producers == (layer,))

    def kept(self) -> Kept:
        return {group: mask.copy() for group, mask in self.schedule.keep.items()}

    def scores(self) -> Scores:
        return by_group(self.graph, self.importance.scores(self.network).clone())


def same(first: Kept, second: Kept) -> bool:
    return all((first[group] == second[group]).all() for group in first)


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


def test_movement_warms_up_with_all_open_and_scores_meanwhile() -> None:
    run = Run("movement")
    for time in run.steps(6):
        assert time <= 0.15
        assert all(mask.all() for mask in run.kept().values())
        gates = by_group(run.graph, run.gates.values)
        assert all(bool((values == 1).all()) for values in gates.values())
    assert all(bool((value != 0).all()) for value in run.scores().values())


def test_movement_freezes_masks_and_scores_in_its_cool_down() -> None:
    run = Run("movement")
    found = [(time, run.kept(), run.scores()) for time in run.steps()]
    cool = [(kept, scores) for time, kept, scores in found if time >= 0.8]
    assert len(cool) == 9
    for kept, scores in cool[1:]:
        assert same(kept, cool[0][0])
        assert all(torch.equal(scores[group], cool[0][1][group]) for group in scores)
    ramp = [scores for time, _, scores in found if time < 0.8]
    assert not any(torch.equal(ramp[-1][group], ramp[-2][group]) for group in ramp[-1])


def test_movement_scores_are_gradient_times_weight_summed_over_the_readers() -> None:
    """S <- S - dL/dg, dL/dg = sum over the slice that reads the unit of gradient x weight."""
    run = Run("movement")
    twin = Toy().train()
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.02)
    expected = {"first": torch.zeros(8), "second": torch.zeros(6)}
    for _ in run.steps(3):
        optimizer.zero_grad()
        loss_of(twin, pictures()).backward()
        for name, reader in (("first", twin.second), ("second", twin.segmentation_head)):
            product = reader.get_parameter("weight").grad * reader.get_parameter("weight").detach()
            expected[name] -= product.sum(dim=(0, 2, 3))
        optimizer.step()
    for group in run.graph.prunable:
        assert torch.allclose(run.scores()[group.index], expected[group.producers[0]], rtol=1e-4, atol=1e-6)


def test_movement_changes_its_mind_until_the_masks_are_frozen() -> None:
    run = Run("movement")
    first, second = run.group("first"), run.group("second")
    scores = torch.zeros(run.graph.total)
    scores[run.graph.spans[first]] = torch.arange(8.0)
    run.importance.restore({"units": scores})
    run.schedule.close(0.5)
    closed = run.kept()[first]
    assert not closed[0]
    assert closed[7]
    run.importance.restore({"units": -scores})
    run.schedule.close(0.5)
    assert run.kept()[first][0]
    assert not run.kept()[first][7]
    assert run.kept()[second].sum() == allocate(run.graph, 0.3)[second]


def test_closed_units_are_scored_as_if_they_were_open() -> None:
    """Straight through: the gradient of a closed gate is that of its value, not zero."""
    run = Run("movement")
    first = run.group("first")
    mask = np.array([False] + [True] * 7)
    run.gates.set({first: mask})
    loss_of(run.network, pictures()).backward()
    found = by_group(run.graph, run.gates.gradient())[first]
    twin = Toy().train()
    weight = twin.second.weight.detach()
    gate = torch.from_numpy(mask.astype(np.float32)).requires_grad_()
    del twin.second.weight
    twin.second.weight = weight * gate.view(1, 8, 1, 1)
    loss_of(twin, pictures()).backward()
    assert gate.grad is not None
    assert float(found[0].abs()) > 1e-4
    assert torch.allclose(found, gate.grad, rtol=1e-4, atol=1e-6)


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


def test_a_part_of_movement_goes_on_in_its_ramp() -> None:
    run = Run("movement", start=0.2, end=0.4)
    for step, _ in enumerate(run.steps(3), start=1):
        assert run.schedule.progress == pytest.approx(
            STRATEGIES["movement"].progress(0.2 + 0.2 * step / 40, 4)
        )


def test_importance_is_gathered_anew_after_every_update() -> None:
    run = Run("agp", updates=2)
    sums = [
        float(sum(v.sum() for v in run.schedule.state_dict()["importance"].values())) for _ in run.steps()
    ]
    assert [step for step, total in enumerate(sums, start=1) if total == 0.0] == [20, 40]


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


def test_movement_is_not_moved_by_the_scale() -> None:
    runs = [Run("movement"), Run("movement")]
    runs[1].scaler = FakeScaler()
    for run in runs:
        run.optimizer = torch.optim.SGD(run.network.parameters(), lr=0.0)
        steps = run.steps()
        for _ in range(5):
            next(steps)
    plain, scaled = (run.scores() for run in runs)
    assert all(torch.allclose(scaled[group], plain[group] * 4 / 5, rtol=1e-3) for group in plain)


def test_scores_that_are_not_finite_choose_nothing() -> None:
    run = Run("agp")
    next(run.steps())
    run.importance.update(run.network, torch.full((run.graph.total,), torch.nan))
    with pytest.raises(PruningError, match="not finite"):
        run.schedule.close(1.0)


def test_movement_that_is_not_finite_has_no_result() -> None:
    run = Run("movement")
    next(run.steps())
    assert run.schedule.keep
    run.importance.update(run.network, torch.full((run.graph.total,), torch.nan))
    with pytest.raises(PruningError, match="not finite"):
        _ = run.schedule.keep


def test_movement_may_rank_for_other_strategies() -> None:
    """Equal steps by running scores: between two updates a closed unit may take the place of an open one."""
    run = Run("linear", importance="movement", updates=2)
    steps = run.steps()
    for _ in range(STEPS // 2):
        next(steps)
    before, first = run.kept(), run.group("first")
    assert 1 < before[first].sum() < 8
    scores = torch.zeros(run.graph.total)
    scores[run.graph.spans[first]] = torch.from_numpy(~before[first]).float() * 1e6
    run.importance.restore({"units": scores})
    next(steps)
    after = run.kept()
    assert after[first].sum() == before[first].sum()
    assert not (after[first] & before[first]).all()
    assert {group: int(mask.sum()) for group, mask in run.kept().items()} != run.planned
    list(steps)
    assert {group: int(mask.sum()) for group, mask in run.kept().items()} == run.planned


def test_a_step_of_movement_asks_for_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does waits for a GPU to finish what it was given."""
    run = Run("movement", sparsity=0.5)
    steps = run.steps()
    for _ in range(STEPS // 2):
        next(steps)

    def waited(*_: object, **__: object) -> None:
        raise AssertionError("a value was asked for")

    for name in ("item", "tolist", "numpy", "cpu", "__bool__", "__int__", "__float__"):
        monkeypatch.setattr(Tensor, name, waited)
    run.schedule.after_backward(run.step, 1.0)
    run.schedule.after_step(run.step)
