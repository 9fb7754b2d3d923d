"""Brackets and colons in names of sets, classes, files and folders are shown as they are by every command."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.runtime.tiny_networks import write_bundle

from descale.data import load_dataset
from descale.models import SavedModel, build_network, make_spec, read_widths, save_model

NAME = "span [/north] [b] :bomb:"
RUST = "rust [bold]deep :fire:"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "site [red] [" / "red] :ok:"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def data(steel: Path, place: Path) -> Path:
    """The drawn photos as a set with such a name and such a class."""
    folder = Path(shutil.copytree(steel, place / "set"))
    about = yaml.safe_load((folder / "dataset.yaml").read_text()) | {"name": NAME}
    about["classes"][1]["name"] = RUST
    (folder / "dataset.yaml").write_text(yaml.safe_dump(about))
    return folder


@pytest.fixture
def model(data: Path, place: Path) -> Path:
    spec = make_spec("linknet", "resnet18", classes=load_dataset(data).classes, input_size=(32, 32))
    network = build_network(spec)
    save_model(place / "model", SavedModel(spec, network, read_widths(network)))
    return place / "model"


def test_check(descale: Any, data: Path) -> None:
    ended = descale("data", "check", data)
    assert ended.status == 0
    assert f"{NAME} (id-masks, {data})" in ended.out
    assert RUST in ended.out


def test_synthesize(descale: Any, place: Path) -> None:
    ended = descale("data", "synthesize", place / "drawn", "--count", "20", "--size", "32")
    assert f"20 photos in {place / 'drawn'}" in ended.err


def test_train_names_a_file_that_is_broken(descale: Any, data: Path, place: Path) -> None:
    photo = next((data / "train" / "images").iterdir())
    photo.write_bytes(b"")
    ended = descale("train", "--data", data, "--out", place / "run")
    assert ended.status == 1
    assert str(data) in ended.errors[0]


def test_evaluate(descale: Any, data: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    ended = descale("evaluate", model, "--data", data)
    assert ended.status == 0
    assert f"{model}: linknet/resnet18 on {NAME}, split test" in ended.out
    assert f"IoU of {RUST}" in ended.out
    assert f"predicted {RUST}" in ended.out


@pytest.mark.usefixtures("quick_tracer", "quick_clock")
def test_export(descale: Any, model: Path, data: Path, place: Path) -> None:
    ended = descale("export", model, "--photos", data / "test" / "images", "--out", place / "bundle")
    assert ended.status == 0
    assert f"wrote {place / 'bundle'}" in ended.out


def test_predict(descale: Any, photos: Path, place: Path) -> None:
    shutil.copytree(photos, place / "photos")
    (place / "photos" / "[b].png").write_bytes(b"broken")
    ended = descale("predict", write_bundle(place / "b"), place / "photos", "--out", place / "out")
    assert ended.status == 3
    assert f"skipped {place / 'photos' / '[b].png'}" in ended.log
    assert str(place / "out" / "predictions.csv") in ended.log


def test_benchmark(descale: Any, place: Path) -> None:
    bundle = write_bundle(place / "b[i]")
    options = ["--rounds", "1", "--runs", "1", "--size", "32x32", "--threads", "1", "--engine", "onnxruntime"]
    ended = descale("benchmark", bundle, *options, "--csv", place / "times.csv")
    assert ended.status == 0
    assert f"wrote {place / 'times.csv'}" in ended.out


def test_study_lists_its_trials(descale: Any, data: Path, place: Path) -> None:
    lines = [
        "name: spans",
        f"data: [{{source: '{data}'}}]",
        "architectures: [unet]",
        "encoders: [resnet18]",
    ]
    lines += ["encoder_weights: none", "strategies: [agp]", "sparsities: [0.5]"]
    (place / "study.yaml").write_text("\n".join(lines))
    ended = descale("study", place / "study.yaml", "--out", place / "study", "--list")
    assert ended.status == 0
    assert f"{NAME} unet/resnet18" in ended.out
