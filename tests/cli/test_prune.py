"""``descale prune`` from a model to a smaller one, and what stops it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.runs import SIZE, SPEC, config, ctrl_c_at

from descale.base.classes import ClassTable, PixelClass
from descale.models import SavedModel, build_network, count_macs, load_model, read_widths, save_model

RUN = ("--set", "accelerator=cpu", "--set", "precision=32-true", "--set", "threads=1")
QUICK = ("--recipe", "paper", "--set", "schedule_epochs=1", "--recovery-epochs", "1", "--sparsity", "0.5")


def prune(descale: Any, model: Path, data: Path, out: Path, *options: object) -> Any:
    return descale("prune", model, "--data", data, "--out", out, *RUN, *options)


def test_a_model_becomes_smaller_by_the_share_asked_for(
    descale: Any, dense_model: Path, steel: Path, tmp_path: Path
) -> None:
    ended = prune(descale, dense_model, steel, tmp_path / "run", *QUICK)
    assert (ended.status, ended.errors) == (0, [])
    small = tmp_path / "run" / "model"
    assert f"model: {small}" in ended.out
    assert f"descale evaluate {small} --data {steel}" in ended.out
    assert f"descale export {small}" in ended.out
    assert load_model(small).provenance["sparsity"] == pytest.approx(0.5, abs=0.01)
    with ctrl_c_at(1, required=False):
        assert prune(descale, dense_model, steel, tmp_path / "run", *QUICK).status == 0, (
            "done, not done again"
        )
    ended = prune(descale, small, steel, tmp_path / "again", *QUICK)
    assert ended.status == 1
    assert "is already pruned; give the dense model it came from" in ended.errors[0]


def test_a_budget_is_met_by_the_default_recipe(
    descale: Any, dense_model: Path, steel: Path, tmp_path: Path
) -> None:
    options = (
        "--budget",
        "macs=0.2",
        "--set",
        "schedule_epochs=5",
        "--recovery-epochs",
        "1",
        "--strategy",
        "movement",
    )
    assert prune(descale, dense_model, steel, tmp_path, *options).status == 0
    small = count_macs(load_model(tmp_path / "model").network, SIZE)
    assert small / count_macs(load_model(dense_model).network, SIZE) == pytest.approx(0.2, rel=0.02)


def test_the_same_command_continues_a_run_to_the_same_end(
    descale: Any, dense_model: Path, steel: Path, tmp_path: Path
) -> None:
    prune(descale, dense_model, steel, tmp_path / "whole", *QUICK)
    with ctrl_c_at(3):  # in the recovery
        ended = prune(descale, dense_model, steel, tmp_path / "stopped", *QUICK)
    assert ended.status == 130
    assert "interrupted; run the same command again to continue" in ended.err
    assert prune(descale, dense_model, steel, tmp_path / "stopped", *QUICK).status == 0
    ours, theirs = (
        load_file(tmp_path / name / "model" / "model.safetensors") for name in ("stopped", "whole")
    )
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--sparsity", "0"],
            "pruning.sparsity: a sparsity of 0 cuts nothing; give",
        ),
        (["--sparsity", "1"], "a sparsity of 1 leaves nothing; give a value above 0 and below 1"),
        (["--sparsity", "-0.5"], "above 0 and below 1"),
        (["--sparsity", "nan"], "above 0 and below 1"),
        ([], "give either sparsity"),
        (["--sparsity", "0.5", "--budget", "macs=0.1"], "give either sparsity"),
        (["--budget", "mac=0.1"], "Budget 'mac=0.1' is not understood; write params=, macs= or latency="),
        (["--budget", "macs"], "Budget 'macs' is not understood"),
        (["--budget", "macs=1"], "Budget 'macs=1' is not understood"),
        (["--sparsity", "0.5", "--strategy", "movment"], "unknown strategy 'movment'"),
        (["--sparsity", "0.5", "--recipe", "papre"], "unknown recipe 'papre'"),
        (["--sparsity", "0.5", "--set", "importance=taylr"], "unknown importance 'taylr'"),
        (["--sparsity", "0.5", "--set", "allocation=even"], "unknown allocation 'even'"),
        (
            ["--sparsity", "0.5", "--set", "round_to=0"],
            "round_to: Input should be greater than or equal to 1",
        ),
        (["--sparsity", "0.5", "--set", "schedule_epochs=2"], "schedule_epochs to 3 or more"),
    ],
)
def test_wrong_options_end_in_one_line_before_anything_is_written(
    descale: Any, dense_model: Path, steel: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    ended = prune(descale, dense_model, steel, tmp_path / "run", *options)
    assert ended.status == 1
    (line,) = ended.errors
    assert message in line
    assert "Traceback" not in ended.err
    assert not (tmp_path / "run").exists()


def test_a_budget_below_the_floor_names_the_floor(
    descale: Any, dense_model: Path, steel: Path, tmp_path: Path
) -> None:
    ended = prune(descale, dense_model, steel, tmp_path, "--budget", "macs=0.000001")
    assert ended.status == 1
    assert "with one unit in every group" in ended.errors[0]
    assert "The least is macs=0." in ended.errors[0]
    assert not list(tmp_path.glob("schedule-*"))


def test_a_model_of_other_classes_than_the_data_is_refused(descale: Any, steel: Path, tmp_path: Path) -> None:
    three = ClassTable(tuple(PixelClass(f"class {i}", (0, 0, 0), corrosion=i > 0) for i in range(3)))
    spec = replace(SPEC, classes=three)
    network = build_network(spec)
    provenance = {"training": config().model_dump(mode="json")}
    save_model(tmp_path / "model", SavedModel(spec, network, read_widths(network), provenance))
    ended = prune(descale, tmp_path / "model", steel, tmp_path / "run", *QUICK)
    assert ended.status == 1
    assert "The model has classes class 0, class 1, class 2, data set" in ended.errors[0]
    assert not list((tmp_path / "run").glob("schedule-*"))


def test_a_model_that_cannot_be_used_ends_in_one_line(
    descale: Any, dense_model: Path, steel: Path, tmp_path: Path
) -> None:
    spoilt = Path(shutil.copytree(dense_model, tmp_path / "spoilt"))
    (spoilt / "model.safetensors").write_bytes((spoilt / "model.safetensors").read_bytes()[:-1])
    save_model(tmp_path / "foreign", replace(load_model(dense_model), provenance={}))
    for name, message in (
        ("nowhere", "is not a model folder: model.json is missing"),
        ("spoilt", "is truncated or was changed"),
        ("foreign", "does not say how it was trained"),
    ):
        ended = prune(descale, tmp_path / name, steel, tmp_path / "run", *QUICK)
        assert ended.status == 1
        (line,) = ended.errors
        assert message in line
        assert not (tmp_path / "run").exists()
