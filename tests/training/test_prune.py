"""Pruning from end to end on twenty photos: schedule, cut, recovery, and all of it in restarts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.prunings import pruned, short
from tests.training.runs import CPU, SIZE, config, no_step, same, scripted_scores, stopped_at, weights_of
from torch import nn

from descale.data import Dataset
from descale.models import SavedModel, count_macs, count_parameters, load_model
from descale.pruning import ALLOCATIONS, STRATEGIES, PruningConfig, build_channel_graph, make_plan
from descale.pruning.allocation import allocate
from descale.pruning.budget import BudgetWidths
from descale.pruning.channels import ChannelGraph
from descale.pruning.importance import Movement, Scores
from descale.training import prune_model
from descale.training.batches import Epoch, TrainingPictures
from descale.training.step import TrainingStep

HEAD = "segmentation_head.0"
LATENCY = "descale.latency.widths_for_latency"
CUTTING = {"linear": True, "agp": False, "movement": True, "random": True, "one-shot": False}
"""Strategy -> whether its runs here cut as they go; together they take both ways."""


def realised(model: SavedModel, dense: Path) -> float:
    """Mean over the prunable layers of the share of filters that are gone, from the saved widths alone."""
    parent = load_model(dense)
    layers = build_channel_graph(parent.network).layers
    kept = [model.widths[name]["out_channels"] / parent.widths[name]["out_channels"] for name in layers]
    return 1 - sum(kept) / len(kept)


Finished = Callable[[str, bool], tuple[Path, SavedModel]]


@pytest.fixture(scope="module")
def finished(dense: Path, photos: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Runs that nothing interrupted, each done once: (strategy, cutting as it goes) -> folder and result."""

    @cache
    def run(strategy: str, cutting: bool) -> tuple[Path, SavedModel]:
        folder = tmp_path_factory.mktemp("finished")
        return folder, pruned(dense, photos, short(strategy, cut_as_they_go=cutting), folder)

    return run


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_result_has_the_sparsity_asked_for_and_an_untouched_head(
    dense: Path, finished: Finished, strategy: str
) -> None:
    folder, model = finished(strategy, CUTTING[strategy])
    assert realised(model, dense) == pytest.approx(0.5, abs=0.01)
    assert model.provenance["sparsity"] == pytest.approx(realised(model, dense))
    assert model.provenance["strategy"] == strategy
    assert model.provenance["pruning"]["sparsity"] == 0.5
    assert model.provenance["parent"] == load_model(dense).provenance
    assert model.widths[HEAD]["out_channels"] == 2
    assert model.dense_widths == load_model(dense).widths
    saved = load_model(folder / "model")
    assert saved.widths == model.widths
    assert same(weights_of(saved.network), weights_of(model.network))
    with torch.no_grad():
        assert bool(saved.network(torch.zeros(1, 3, *SIZE)).isfinite().all())


def test_every_group_keeps_a_unit_however_much_is_cut(dense: Path, photos: Dataset, tmp_path: Path) -> None:
    model = pruned(dense, photos, short("movement", sparsity=0.97, recovery_epochs=0), tmp_path)
    assert min(entry["out_channels"] for entry in model.widths.values() if "out_channels" in entry) >= 1
    with torch.no_grad():
        assert bool(model.network(torch.zeros(1, 3, *SIZE)).isfinite().all())


def test_gradients_are_clipped_in_every_stage(dense: Path, photos: Dataset, tmp_path: Path) -> None:
    """Clipped to nothing, SGD leaves the weights that stay as they were in the parent."""
    still = config(optimizer="sgd", weight_decay=0.0, ema=None)
    settings = short(gradient_clip=1e-20, between_epochs=1, cut_as_they_go=True)
    model = prune_model(load_model(dense), photos, settings, still, tmp_path, devices=CPU)
    parent, cut = load_model(dense).network, model.network
    assert torch.equal(cut.get_parameter(f"{HEAD}.bias"), parent.get_parameter(f"{HEAD}.bias"))
    assert set(cut.get_parameter(f"{HEAD}.weight").flatten().tolist()) <= set(
        parent.get_parameter(f"{HEAD}.weight").flatten().tolist()
    )


def test_every_stage_shows_the_pictures_in_a_way_of_its_own(
    dense: Path, photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[list[int]] = []
    original = TrainingPictures.epoch

    def seen(self: TrainingPictures, **settings: Any) -> Epoch:
        epoch = original(self, **settings)
        shown.append(epoch.order.flatten().tolist())
        return epoch

    monkeypatch.setattr(TrainingPictures, "epoch", seen)
    pruned(dense, photos, short(between_epochs=1, cut_as_they_go=True), tmp_path)
    assert len(shown) == 5, "two parts of the schedule, one epoch between them, two of recovery"
    assert len({tuple(order) for order in shown}) == len(shown)


@pytest.mark.parametrize(
    "changes", [{"allocation": "uniform", "cut_as_they_go": False}, {"round_to": 8}], ids=str
)
def test_widths_are_those_of_the_plan(
    dense: Path, photos: Dataset, tmp_path: Path, changes: dict[str, Any]
) -> None:
    settings = short(recovery_epochs=0, **changes)
    plan = make_plan(
        load_model(dense).network,
        size=SIZE,
        sparsity=0.5,
        allocation=settings.allocation,
        round_to=settings.round_to,
    )
    model = pruned(dense, photos, settings, tmp_path)
    assert plan.params_after < 0.6 * plan.params_before
    for group in plan.groups:
        if group.layers:
            assert model.widths[group.layers[0]]["out_channels"] == group.after, group
    assert count_parameters(model.network) == plan.params_after
    assert count_macs(model.network, SIZE) == plan.macs_after


@pytest.mark.parametrize(("strategy", "cutting"), [("linear", True), ("agp", False), ("movement", True)])
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(
    dense: Path, photos: Dataset, finished: Finished, tmp_path: Path, strategy: str, cutting: bool
) -> None:
    settings = short(strategy, cut_as_they_go=cutting)
    for step in (3, 5):  # the second epoch of the schedule, then of the recovery
        with stopped_at(step):
            pruned(dense, photos, settings, tmp_path)
        assert not (tmp_path / "model").exists()
    assert (tmp_path / "recovery" / "last.ckpt").exists()
    again, (_, whole) = pruned(dense, photos, settings, tmp_path), finished(strategy, cutting)
    assert again.widths == whole.widths
    assert same(weights_of(again.network), weights_of(whole.network))


def test_between_cuts_the_network_is_fine_tuned_also_if_it_is_stopped_there(
    dense: Path, photos: Dataset, tmp_path: Path
) -> None:
    settings = short("linear", between_epochs=2, recovery_epochs=0)
    whole = pruned(dense, photos, settings, tmp_path / "whole")
    with stopped_at(5):  # in the second epoch between the cuts; every epoch has two steps
        pruned(dense, photos, settings, tmp_path / "stopped")
    assert (tmp_path / "stopped" / "between-0" / "last.ckpt").exists()
    assert not (tmp_path / "stopped" / "schedule-1").exists()
    again = pruned(dense, photos, settings, tmp_path / "stopped")
    assert same(weights_of(again.network), weights_of(whole.network))
    without = pruned(dense, photos, short("linear", recovery_epochs=0), tmp_path / "without")
    assert count_parameters(without.network) == count_parameters(whole.network)
    assert not same(weights_of(without.network), weights_of(whole.network))


def test_the_rate_follows_the_sparsity_that_is_reached(
    dense: Path, photos: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="descale"):
        model = pruned(dense, photos, short("linear", between_epochs=1, recovery_epochs=1), tmp_path)
    rates = [record.args for record in caplog.records if "learning rate" in record.msg]
    reached = [record.args[1] for record in caplog.records if "cut to sparsity" in record.msg]
    assert [rate[0].split("0.50 ")[1] for rate in rates] == ["between cuts 1/1", "recovery"]
    assert [rate[1] for rate in rates] == [
        pytest.approx(4 * config().learning_rate * (0.1 / (1 - s)) ** 0.5) for s in reached
    ]
    assert rates[0][1] < rates[1][1]
    assert model.provenance["recovery"]["learning_rate"] == rates[1][1]
    assert model.provenance["recovery"]["epochs"] == 1


def test_movement_scores_of_the_channels_that_stay_are_carried_into_the_next_part(
    dense: Path, photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = short("movement", recovery_epochs=0)
    with stopped_at(3):
        pruned(dense, photos, settings, tmp_path)
    monkeypatch.setattr(Movement, "update", lambda *_: None)  # the second part adds nothing
    pruned(dense, photos, settings, tmp_path)
    before, after = (
        json.loads((tmp_path / f"schedule-{part}" / "units.json").read_text(encoding="utf-8"))
        for part in (0, 1)
    )
    assert any(after["scores"]["units"])
    assert after["scores"] == before["scores"]
    for layer, units in after["kept"].items():
        assert set(units) <= set(before["kept"][layer]), layer
    assert sum(map(len, after["kept"].values())) < sum(map(len, before["kept"].values()))


def test_a_finished_run_is_not_done_again(
    dense: Path, photos: Dataset, finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, first = finished("linear", True)
    shutil.copytree(folder / "model", tmp_path / "model")
    monkeypatch.setattr(TrainingStep, "__call__", no_step)
    again = pruned(dense, photos, short("linear"), tmp_path)
    assert same(weights_of(first.network), weights_of(again.network))


def test_only_the_end_of_the_recovery_is_scored_where_no_more_is_asked_for(
    dense: Path, photos: Dataset, tmp_path: Path
) -> None:
    settings = short("linear", between_epochs=1, recovery_epochs=2)
    with scripted_scores([0.5]) as seen:
        rare = config(validate_every=50)
        prune_model(load_model(dense), photos, settings, rare, tmp_path, devices=CPU)
    assert len(seen) == 1


def test_the_parent_is_left_alone(dense: Path, photos: Dataset, tmp_path: Path) -> None:
    parent = load_model(dense)
    prune_model(parent, photos, short(recovery_epochs=0), config(), tmp_path, devices=CPU)
    assert same(weights_of(parent.network), weights_of(load_model(dense).network))


@pytest.mark.parametrize(
    ("strategy", "kind", "share"), [("agp", "macs", 0.3), ("movement", "macs", 0.05), ("agp", "params", 0.2)]
)
def test_a_budget_is_hit_within_two_percent(
    dense: Path, photos: Dataset, tmp_path: Path, strategy: str, kind: str, share: float
) -> None:
    model = pruned(dense, photos, short(strategy, budget={kind: share}, recovery_epochs=0), tmp_path)
    parent = load_model(dense).network
    if kind == "macs":
        reached = count_macs(model.network, SIZE) / count_macs(parent, SIZE)
    else:
        reached = count_parameters(model.network) / count_parameters(parent)
    assert reached == pytest.approx(share, rel=0.02)


def test_the_papers_protocol_has_no_teacher_and_cuts_at_the_end(
    dense: Path, photos: Dataset, tmp_path: Path
) -> None:
    settings = PruningConfig.model_validate(
        {"strategy": "agp", "sparsity": 0.5, "recipe": "paper", "schedule_epochs": 1, "recovery_epochs": 1}
    )
    model = pruned(dense, photos, settings, tmp_path)
    assert realised(model, dense) == pytest.approx(0.5, abs=0.01)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "recovery", "schedule-0"]


def test_recalibration_changes_running_statistics_alone(dense: Path, photos: Dataset, tmp_path: Path) -> None:
    with_it, without = (
        weights_of(
            pruned(
                dense,
                photos,
                short(recalibrate=recalibrate, cut_as_they_go=False, recovery_epochs=0),
                tmp_path / str(recalibrate),
            ).network
        )
        for recalibrate in (True, False)
    )
    changed = {key.rpartition(".")[2] for key in with_it if not torch.equal(with_it[key], without[key])}
    assert changed == {"running_mean", "running_var", "num_batches_tracked"}


@pytest.mark.parametrize("allocation", ["retained", "global"])
def test_allocations_follow_the_scores_in_every_cut(
    dense: Path, photos: Dataset, tmp_path: Path, allocation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, scored = ALLOCATIONS[allocation], []

    def watched(graph: ChannelGraph, density: float, scores: Scores | None) -> dict[int, float]:
        scored.append(scores is not None)
        return original(graph, density, scores)

    monkeypatch.setitem(ALLOCATIONS, allocation, watched)
    settings = short("linear", allocation=allocation, sparsity=0.6, cut_as_they_go=True, recovery_epochs=0)
    assert realised(pruned(dense, photos, settings, tmp_path), dense) == pytest.approx(0.6, abs=0.01)
    assert len(scored) >= 2
    assert all(scored)


@pytest.mark.parametrize("strategy", ["one-shot", "linear"])
def test_a_sparsity_out_of_reach_ends_at_the_highest_there_is(
    dense: Path, photos: Dataset, tmp_path: Path, strategy: str
) -> None:
    settings = short(strategy, sparsity=0.999, cut_as_they_go=True, recovery_epochs=0)
    model = pruned(dense, photos, settings, tmp_path)
    layers = build_channel_graph(load_model(dense).network).layers
    assert {model.widths[name]["out_channels"] for name in layers} == {1}
    if strategy == "one-shot":  # all went at once, so the second part had nothing to train for
        assert {path.name for path in (tmp_path / "schedule-1").iterdir()} == {"model", "units.json"}


def test_a_latency_is_measured_for_the_first_start_alone(
    dense: Path, photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(_: nn.Module, __: object, graph: ChannelGraph, *___: object, **____: object) -> BudgetWidths:
        return BudgetWidths(allocate(graph, 0.3), "")

    monkeypatch.setattr(LATENCY, measured)
    settings = short("linear", budget={"latency": 0.7}, cut_as_they_go=True, recovery_epochs=0)
    first = pruned(dense, photos, settings, tmp_path)
    for name in ("model", "schedule-1"):
        shutil.rmtree(tmp_path / name)

    def measured_again(*_: object, **__: object) -> BudgetWidths:
        raise AssertionError("a second start must not measure")

    monkeypatch.setattr(LATENCY, measured_again)
    assert pruned(dense, photos, settings, tmp_path).widths == first.widths


def test_every_stage_is_a_model_with_at_most_the_channels_of_the_one_before(
    dense: Path, photos: Dataset, tmp_path: Path
) -> None:
    pruned(
        dense,
        photos,
        short("linear", updates=3, schedule_epochs=3, sparsity=0.6, recovery_epochs=0),
        tmp_path,
    )
    stages = [load_model(tmp_path / f"schedule-{part}" / "model") for part in range(3)]
    found = [realised(stage, dense) for stage in stages]
    assert found == pytest.approx([0.2, 0.4, 0.6], abs=0.01)
    for before, after in pairwise(stages):
        for name, entry in after.widths.items():
            assert all(value <= before.widths[name][key] for key, value in entry.items()), name


def test_movement_in_a_single_step_keeps_what_it_has_scored(
    dense: Path, photos: Dataset, tmp_path: Path
) -> None:
    few = photos.split("train")[:7]
    small = replace(photos, samples=(*few, *photos.split("valid"), *photos.split("test")))
    once = short("movement", updates=1, schedule_epochs=1, recovery_epochs=0, cut_as_they_go=False)
    pruned(dense, small, once, tmp_path)
    kept = json.loads((tmp_path / "schedule-0" / "units.json").read_text())["kept"]
    assert any(units != list(range(len(units))) for units in kept.values()), "not simply the first ones"
