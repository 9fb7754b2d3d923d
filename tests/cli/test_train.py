"""``descale train`` from photos to a model, and what stops it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.runs import ctrl_c_at

from descale.models import load_model

NETWORK = (
    "--arch",
    "linknet",
    "--encoder",
    "tu-test_efficientnet",
    "--encoder-weights",
    "none",
    "--size",
    "32",
)
RUN = (
    "--epochs",
    "2",
    "--set",
    "batch_size=7",
    "--set",
    "accelerator=cpu",
    "--set",
    "precision=32-true",
    "--set",
    "threads=1",
    "--set",
    "training.schedule=constant",
)


def train(descale: Any, data: Path, out: Path, *options: object) -> Any:
    return descale("train", "--data", data, "--out", out, *NETWORK, *RUN, *options)


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "model" / "model.safetensors")


def test_photos_become_a_model_that_can_be_scored(descale: Any, steel: Path, tmp_path: Path) -> None:
    ended = train(descale, steel, tmp_path / "run")
    assert (ended.status, ended.errors) == (0, [])
    model = tmp_path / "run" / "model"
    assert f"model: {model}" in ended.out
    assert f"descale evaluate {model} --data {steel}" in ended.out
    assert "linknet dense: epoch 2/2" in ended.log
    saved = load_model(model)
    assert saved.spec.input_size == (32, 32)
    assert saved.provenance["training"]["epochs"] == 2
    assert saved.provenance["training"]["batch_size"] == 7
    assert saved.provenance["training"]["schedule"] == "constant"
    scored = descale("evaluate", model, "--data", steel, "--json", tmp_path / "scores.json")
    assert scored.status == 0
    assert "best constant" in scored.out
    assert json.loads((tmp_path / "scores.json").read_text())["costs"]["input_size"] == [32, 32]


def test_the_same_command_continues_a_run_to_the_same_end(descale: Any, steel: Path, tmp_path: Path) -> None:
    train(descale, steel, tmp_path / "whole")
    with ctrl_c_at(4):
        ended = train(descale, steel, tmp_path / "stopped")
    assert ended.status == 130
    assert "interrupted; run the same command again to continue" in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "stopped" / "model").exists()
    again = train(descale, steel, tmp_path / "stopped")
    assert again.status == 0
    assert "continuing the run" in again.log
    assert "epoch 2/2" in again.log
    assert "epoch 1/2" not in again.log
    ours, theirs = weights(tmp_path / "stopped"), weights(tmp_path / "whole")
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    with ctrl_c_at(1, required=False):
        assert train(descale, steel, tmp_path / "stopped").status == 0, "a finished run is not trained again"


def test_severity_can_be_merged_to_corrosion_or_not(descale: Any, severity: Path, tmp_path: Path) -> None:
    assert train(descale, severity, tmp_path / "four", "--epochs", "1").status == 0
    assert train(descale, severity, tmp_path / "two", "--epochs", "1", "--binary").status == 0
    assert load_model(tmp_path / "four" / "model").spec.classes.names == ("good", "fair", "poor", "severe")
    assert load_model(tmp_path / "two" / "model").spec.classes.names == ("background", "corrosion")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "33"], "33 is not a multiple of 32; use 32"),
        (["--size", "big"], "Size 'big' is not understood; write 160 or 160x192"),
        (["--set", "learning_rate=0"], "learning_rate: Input should be greater than 0"),
        (["--set", "learning_rate=nan"], "learning_rate: Input should be a finite number"),
        (["--set", "batch_size=0"], "batch_size: Input should be greater than or equal to 1"),
        (["--set", "early_stopping=0"], "early_stopping: Input should be greater than or equal to 1"),
        (["--set", "threads=0"], "threads"),
        (["--set", "accelerator=tpu"], "accelerator"),
        (["--arch", "unet++"], "Unknown architecture 'unet++'. Did you mean unetplusplus"),
        (["--data", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_wrong_options_end_in_one_line_before_anything_is_written(
    descale: Any, steel: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    ended = train(descale, steel, tmp_path / "run", *options)
    assert ended.status == 1
    (line,) = ended.errors
    assert message in line
    assert "Traceback" not in ended.err
    assert not (tmp_path / "run").exists()


def test_an_infinite_rate_ends_in_one_line(descale: Any, steel: Path, tmp_path: Path) -> None:
    assert train(descale, steel, tmp_path / "run", "--set", "learning_rate=inf").status == 1


def test_an_output_that_is_something_else_is_left_alone(descale: Any, steel: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "note").write_text("mine")
    for name, message in (
        ("file", "is a file; give a folder"),
        ("folder", "is not empty and holds no earlier run"),
    ):
        ended = train(descale, steel, tmp_path / name)
        assert ended.status == 1
        assert message in ended.errors[0]
    assert (tmp_path / "file").read_text() == "mine"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["note"]


def test_other_settings_need_another_folder(descale: Any, steel: Path, tmp_path: Path) -> None:
    train(descale, steel, tmp_path, "--epochs", "1")
    before = (tmp_path / "model" / "model.json").read_bytes()
    ended = train(descale, steel, tmp_path, "--epochs", "1", "--seed", "3")
    assert ended.status == 1
    assert "holds a run with other settings (seed)" in ended.errors[0]
    assert (tmp_path / "model" / "model.json").read_bytes() == before


def test_encoder_weights_that_are_not_there_can_be_corrected_in_the_same_folder(
    descale: Any, steel: Path, tmp_path: Path
) -> None:
    wrong = train(descale, steel, tmp_path / "run", "--epochs", "1", "--encoder-weights", "typo.pth")
    assert wrong.status == 1
    assert "typo.pth not found. Use none, imagenet, or the path" in wrong.errors[0]
    assert train(descale, steel, tmp_path / "run", "--epochs", "1").status == 0


def test_a_loss_that_is_not_a_number_ends_in_one_line(descale: Any, steel: Path, tmp_path: Path) -> None:
    ended = train(descale, steel, tmp_path, "--set", "learning_rate=1e30")
    assert ended.status == 1
    assert "The loss is nan in epoch 1. Lower learning_rate" in ended.errors[0]
    assert not (tmp_path / "model").exists()


def test_a_corrupt_checkpoint_ends_in_one_line(descale: Any, steel: Path, tmp_path: Path) -> None:
    with ctrl_c_at(3):
        train(descale, steel, tmp_path)
    (tmp_path / "last.ckpt").write_bytes(b"torn")
    ended = train(descale, steel, tmp_path)
    assert ended.status == 1
    assert "last.ckpt is corrupt" in ended.errors[0]
    assert "Delete it to train this run anew" in ended.errors[0]


def test_data_that_would_falsify_a_result_are_refused_unless_accepted(
    descale: Any, steel: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(steel, tmp_path / "data"))
    for kind, ending in (("images", "jpg"), ("masks", "png")):
        photo = next((data / "train" / kind).iterdir()).stem
        shutil.copy(data / "train" / kind / f"{photo}.{ending}", data / "test" / kind / f"leaked.{ending}")
    ended = train(descale, data, tmp_path / "run", "--epochs", "1")
    assert ended.status == 1
    assert "problems would falsify a result" in ended.errors[0]
    assert f"descale data check {data}" in ended.errors[0]
    assert not (tmp_path / "run").exists()
    assert train(descale, data, tmp_path / "run", "--epochs", "1", "--accept-problems").status == 0
