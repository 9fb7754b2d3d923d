"""Movement scores while it trains: it warms up, changes its mind in its ramp, and is frozen in the end."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.pruning.toy import Toy, loss_of, pictures
from tests.training.scheduled import STEPS, FakeScaler, Run, same
from torch import Tensor

from descale.base.errors import PruningError
from descale.pruning import STRATEGIES, allocate
from descale.pruning.importance import by_group


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


def test_a_part_of_movement_goes_on_in_its_ramp() -> None:
    run = Run("movement", start=0.2, end=0.4)
    for step, _ in enumerate(run.steps(3), start=1):
        assert run.schedule.progress == pytest.approx(
            STRATEGIES["movement"].progress(0.2 + 0.2 * step / 40, 4)
        )


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
