"""Training and pruning from Python are as safe as from the command line."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.runs import CPU as CPU_DEVICES
from tests.training.runs import SIZE, SPEC, config, ctrl_c_at

from descale.base.errors import ConfigError, DataError, ModelError, TrainingError
from descale.data import load_dataset
from descale.models import SavedModel, build_network, load_model, make_spec, read_widths, save_model
from descale.training import train_model
from descale.training.runs import prune, train

CPU = {"accelerator": "cpu", "precision": "32-true", "threads": 1, "loggers": (), "progress": False}
SMALL: dict[str, Any] = {
    "architecture": "linknet", "encoder": "tu-test_efficientnet", "encoder_weights": "none", "size": 32,
    "epochs": 1, "training": {"batch_size": 7}, "devices": CPU,
}  # fmt: skip
QUICK: dict[str, Any] = {
    "recipe": "paper", "pruning": {"schedule_epochs": 1}, "recovery_epochs": 1, "devices": CPU,
}  # fmt: skip


@pytest.fixture(scope="module")
def dense(steel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model of one epoch; not to be changed."""
    return train(steel, tmp_path_factory.mktemp("dense"), **SMALL)


def test_a_network_is_trained_and_pruned(dense: Path, steel: Path, tmp_path: Path) -> None:
    small = prune(dense, steel, tmp_path / "small", sparsity=0.5, **QUICK)
    assert small == tmp_path / "small" / "model"
    assert load_model(small).provenance["sparsity"] == pytest.approx(0.5, abs=0.01)
    with pytest.raises(ModelError, match="is already pruned; give the dense model it came from"):
        prune(small, steel, tmp_path / "again", sparsity=0.5, **QUICK)


def test_a_set_without_photos_to_judge_by_is_refused(steel: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    shutil.copytree(steel, root)
    shutil.rmtree(root / "valid")
    with pytest.raises(DataError, match=rf"^{root} has no photo in the split 'valid', .* Add photos"):
        train(root, tmp_path / "run", **SMALL)
    with pytest.raises(DataError, match=r"^Data set .* has no photo in the split 'valid'"):
        train_model(load_dataset(root), SPEC, config(), tmp_path / "other", devices=CPU_DEVICES)


def test_a_folder_with_a_model_of_other_settings_is_refused(dense: Path, steel: Path, tmp_path: Path) -> None:
    prune(dense, steel, tmp_path, sparsity=0.5, **QUICK)
    with pytest.raises(ConfigError, match=r"other settings \(pruning\)"):
        prune(dense, steel, tmp_path, sparsity=0.6, **QUICK)
    with pytest.raises(ConfigError, match=r"other settings \(training\)"):
        train(steel, dense.parent, **{**SMALL, "epochs": 2})
    with ctrl_c_at(1, required=False):
        assert train(steel, dense.parent, **SMALL) == dense


def test_another_model_in_the_same_place_is_another_run(
    steel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(value: float) -> None:
        spec = make_spec("linknet", "resnet18", input_size=(32, 32))
        network = build_network(spec)
        torch.nn.init.constant_(next(network.parameters()), value)
        save_model(tmp_path / "m", SavedModel(spec, network, read_widths(network), {"training": {}}))

    monkeypatch.setattr(
        "descale.training.runs.prune_model", lambda *_, **__: (tmp_path / "run/last.ckpt").touch()
    )
    keep(1.0)
    prune(tmp_path / "m", steel, tmp_path / "run", sparsity=0.5)
    prune(tmp_path / "m", steel, tmp_path / "run", sparsity=0.5)
    keep(2.0)
    with pytest.raises(ConfigError, match=r"other settings \(weights\)"):
        prune(tmp_path / "m", steel, tmp_path / "run", sparsity=0.5)


def test_another_table_of_latencies_in_the_same_place_is_another_run(
    dense: Path, steel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "descale.training.runs.prune_model", lambda *_, **__: (tmp_path / "run/last.ckpt").touch()
    )
    times = tmp_path / "times.csv"
    asked: dict[str, Any] = {"budget": {"latency": 0.5}, "pruning": {"latency_table": str(times)}}
    with pytest.raises(ConfigError, match=r"times\.csv cannot be read"):
        prune(dense, steel, tmp_path / "run", **asked)
    times.write_text("first")
    for _ in range(2):
        prune(dense, steel, tmp_path / "run", **asked)
    times.write_text("second")
    with pytest.raises(ConfigError, match=r"other settings \(latency_table_sha256\)"):
        prune(dense, steel, tmp_path / "run", **asked)


def test_other_encoder_weights_under_the_same_name_are_another_run(
    steel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "encoder.safetensors"
    monkeypatch.setattr(
        "descale.training.runs.train_model", lambda *_, **__: (tmp_path / "run/last.ckpt").touch()
    )
    weights.write_bytes(b"first")
    train(steel, tmp_path / "run", encoder_weights=str(weights))
    train(steel, tmp_path / "run", encoder_weights=str(weights))
    weights.write_bytes(b"second")
    with pytest.raises(ConfigError, match=r"other settings \(encoder_weights_sha256\)"):
        train(steel, tmp_path / "run", encoder_weights=str(weights))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"training": {"encoder_rat": 1}},
            r"training.encoder_rat: no such setting; did you mean 'encoder_rate'",
        ),
        (
            {"training": {"epochs": 3}},
            r"training.epochs has a place of its own: give --epochs \(epochs=...\)",
        ),
        ({"training": {"ema": 2}}, r"training.ema: Input should be less than 1 \(got 2\)"),
        ({"devices": {"loggers": "mlflow"}}, r"devices.loggers: expected a list; write \[mlflow\]"),
        ({"size": 33}, r"training.size: 33 is not a multiple of 32; use 32 \(got \(33, 33\)\)"),
        ({"devices": {"worker": 1}}, r"devices.worker: no such setting; did you mean 'workers'"),
        ({"seed": -1}, "Seed -1 is outside 0 to 2147483647"),
        ({"seed": "1"}, "Seed '1' is not a whole number"),
        ({"devices": "cpu"}, "devices='cpu'"),
        ({"training": "epochs=3"}, "training='epochs=3'"),
        ({"encoder_weights": None}, "encoder_weights None"),
        ({"architecture": ["unet"]}, "architecture .*is not a name"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_written(
    steel: Path, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(steel, tmp_path / "run", **{**SMALL, **settings})
    assert not (tmp_path / "run").exists()


def test_a_model_that_does_not_say_how_it_was_trained_is_refused(
    dense: Path, steel: Path, tmp_path: Path
) -> None:
    save_model(tmp_path / "foreign", replace(load_model(dense), provenance={}))
    with pytest.raises(ModelError, match="does not say how it was trained"):
        prune(tmp_path / "foreign", steel, tmp_path / "run", sparsity=0.5)
    assert not (tmp_path / "run").exists()


def test_a_set_that_would_falsify_a_result_is_refused_unless_that_is_accepted(
    steel: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from PIL import Image

    photos = tmp_path / "photos"
    for file in steel.rglob("*"):
        target = photos / file.relative_to(steel)
        if file.is_dir():
            target.mkdir(parents=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    first = sorted((photos / "train" / "images").iterdir())[0]
    Image.open(first).save(photos / "test" / "images" / first.name)
    mask = next((photos / "train" / "masks").glob(f"{first.stem}.*"))
    (photos / "test" / "masks" / mask.name).write_bytes(mask.read_bytes())
    with pytest.raises(DataError, match="would falsify a result"):
        train(photos, tmp_path / "run", **SMALL)
    assert not (tmp_path / "run").exists()
    caplog.set_level(logging.WARNING)
    train(photos, tmp_path / "run", accept_problems=True, **SMALL)
    assert "going on with" in caplog.text
    with pytest.raises(DataError, match="would falsify a result"):  # accepted once is not passed
        train(photos, tmp_path / "run", **SMALL)


def test_a_run_that_goes_on_does_not_check_the_same_photos_again(
    dense: Path, steel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = Path(shutil.copytree(steel, tmp_path / "photos"))
    runs = tmp_path / "dense", tmp_path / "small"

    def both() -> None:
        train(photos, runs[0], **SMALL)
        prune(dense, photos, runs[1], sparsity=0.5, **QUICK)

    both()
    looks: list[object] = []
    monkeypatch.setattr(
        "descale.data.check.refuse.check_dataset", lambda source, *, binary: looks.append(source)
    )
    both()
    assert not looks
    stem = next((photos / "train" / "masks").iterdir()).stem
    for file in photos.rglob(f"train/*/{stem}.*"):
        file.unlink()
    with pytest.raises(AttributeError):  # what is looked at finds nothing here, but it is looked at
        both()
    assert looks


def test_a_model_is_not_trained_at_another_size_than_it_says(steel: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="The model is for photos of 32x32, the training shows 64x64"):
        train_model(load_dataset(steel), SPEC, config(size=(64, 64)), tmp_path)
    assert SIZE == (32, 32)


def test_crops_larger_than_the_picture_are_refused(steel: Path, tmp_path: Path) -> None:
    wide = config(crop=(64, 64), augmentation="zoom")
    with pytest.raises(TrainingError, match="A crop of 64x64 is larger than the picture, 32x32"):
        train_model(load_dataset(steel), SPEC, wide, tmp_path, devices=CPU_DEVICES)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"budget": 0.1}, "budget=0.1: give settings by name"),
        ({"sparsity": 0.5, "seed": "0"}, "Seed '0'"),
        ({"sparsity": 0.5, "pruning": {"engine": "openvino"}}, "engine is for a budget"),
        ({"sparsity": 0.5, "recipe": ["descale"]}, "unknown recipe"),
    ],
)
def test_a_wrong_setting_of_pruning_is_named(
    dense: Path, steel: Path, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        prune(dense, steel, tmp_path / "run", **settings)
