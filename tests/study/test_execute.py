"""Real trials, as small as they get: everything is trained, pruned, pooled and measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from descale.base.columns import COLUMNS
from descale.evaluation import read_confusions
from descale.models import load_model
from descale.study.config import load_study
from descale.study.execute import TorchRunner
from descale.study.results import read_csv
from descale.study.run import open_study, run_study

TINY = """
name: tiny
data:
  - synthesize: {count: 20, size: [32, 32]}
    name: embedded
architectures: [unet]
encoders: [tu-test_efficientnet]
encoder_weights: none
strategies: [agp]
controls: [random, slim-scratch]
sparsities: [0.5]
training: {epochs: 1, size: [32, 32], batch_size: 7}
pruning: {updates: 1, schedule_epochs: 1, recovery_epochs: 1}
devices: {accelerator: cpu, loggers: [], progress: false}
"""
UNREPEATABLE = ("seconds", "latency_ms")

ALWAYS = tuple(name for name, column in COLUMNS.items() if column.always)


def run(file: Path, out: Path) -> list[dict[str, str]]:
    runner = TorchRunner(load_study(file).devices)
    run_study(open_study(file, out, runner), runner, threads=1)
    return read_csv(out / "results.csv")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "tiny.yaml"
    path.write_text(TINY.replace("name: embedded", "name: embedded\n    clean: steel"))
    (path.parent / "steel").mkdir()
    for name, grey in (("a", 90), ("b", 200)):
        Image.new("RGB", (48, 32), (grey, grey, grey)).save(path.parent / "steel" / f"{name}.png")
    return path


@pytest.fixture(scope="module")
def finished(file: Path) -> tuple[Path, list[dict[str, str]]]:
    out = file.parent / "out"
    return out, run(file, out)


def test_rows_are_whole(finished: tuple[Path, list[dict[str, str]]]) -> None:
    _, rows = finished
    assert [row["strategy"] for row in rows] == ["dense", "agp", "random", "slim-scratch"]
    for row in rows:
        assert all(row[column] != "" for column in ALWAYS if column != "iou_colour"), row
        assert row["iou_dense"] == rows[0]["iou_corrosion"]
        assert float(row["iou_drop"]) == pytest.approx(
            float(row["iou_dense"]) - float(row["iou_corrosion"]), abs=1e-5
        )
        assert (
            float(row["iou_corrosion_low"]) <= float(row["iou_corrosion"]) <= float(row["iou_corrosion_high"])
        )
        assert row["device"] == "cpu"
        assert row["precision"] in ("float32", "bfloat16")
    dense, pruned, _, slim = rows
    assert float(dense["sparsity_realised"]) == 0.0
    assert float(pruned["sparsity_realised"]) == pytest.approx(0.5, abs=0.02)
    assert 0.5 < float(pruned["channels_removed"]) < 1, "wide layers give more than half"
    assert int(pruned["macs"]) < int(dense["macs"]) / 2
    assert (slim["macs"], slim["params"]) == (pruned["macs"], pruned["params"])


def test_artifacts_tell_the_same_as_the_row(finished: tuple[Path, list[dict[str, str]]]) -> None:
    out, rows = finished
    for row in rows:
        folder = out / "trials" / row["trial"]
        model = load_model(folder / "model")
        assert model.spec.architecture == "unet"
        assert model.metrics["test"]["scores"]["iou_corrosion"] == pytest.approx(
            float(row["iou_corrosion"]), abs=1e-5
        )
        assert set(model.metrics) == {"valid", "test", "clean"}
        assert model.metrics["clean"]["photos"] == int(row["clean_photos"]) == 2
        assert model.metrics["clean"]["share"]["estimate"] == pytest.approx(float(row["false_alarms"]))
        assert model.metrics["clean"]["area"]["estimate"] == pytest.approx(float(row["false_area"]), abs=1e-5)
        test = read_confusions(folder / "confusions.csv")["test"]
        corroded = test.total[1, 1] / (test.total[1].sum() + test.total[0, 1])
        assert float(row["iou_corrosion"]) == pytest.approx(corroded, abs=1e-5)
        masks = {path.stem: Image.open(path).size for path in (folder / "masks").iterdir()}
        assert masks == dict.fromkeys(test.ids, (32, 32))
        assert json.loads((folder / "trial.json").read_text())["id"] == row["trial"]
        assert list((folder / "log").rglob("metrics.csv"))
        assert not (folder / "work").exists()


def test_the_same_study_gives_the_same_bits(file: Path, finished: tuple[Path, list[dict[str, str]]]) -> None:
    out, rows = finished
    again = run(file, file.parent / "again")
    for first, second in zip(rows, again, strict=True):
        for column in UNREPEATABLE:
            first.pop(column, None), second.pop(column, None)
        assert first == second
        weights = Path("trials") / first["trial"] / "model" / "model.safetensors"
        assert (out / weights).read_bytes() == (file.parent / "again" / weights).read_bytes()


def test_photos_held_out_in_turn_are_pooled(tmp_path: Path, finished: tuple[Path, object]) -> None:
    out, _ = finished
    photos = next((out / "data").iterdir())
    few = tmp_path / "few"
    for kind in ("images", "masks"):
        (few / kind).mkdir(parents=True)
        for path in sorted((photos / "train" / kind).iterdir())[:3]:
            (few / kind / path.name).write_bytes(path.read_bytes())
    (tmp_path / "few.yaml").write_text("name: few\nroot: few\nimages: images\nlabels: masks\n")
    text = TINY.replace(
        "synthesize: {count: 20, size: [32, 32]}", "source: few.yaml\n    leave_one_out: true"
    )
    # larger pictures: a fold trains on one photo, and batch norm needs more than one value per channel
    text = text.replace("training: {epochs: 1, size: [32, 32]", "training: {epochs: 1, size: [64, 64]")
    (tmp_path / "folds.yaml").write_text(text.replace("controls: [random, slim-scratch]\n", ""))
    rows = run(tmp_path / "folds.yaml", tmp_path / "out")
    assert [row["strategy"] for row in rows] == ["dense", "agp"]
    # what the report compares with the rows of the table
    assert json.loads((tmp_path / "out" / "study.json").read_text())["trials"] == len(rows)
    folds = read_csv(tmp_path / "out" / "folds.csv")
    assert len(folds) == 6
    for row in rows:
        pooled = read_confusions(tmp_path / "out" / "trials" / row["trial"] / "confusions.csv")["test"]
        assert len(set(pooled.ids)) == 3
        of_fold = [fold for fold in folds if fold["strategy"] == row["strategy"]]
        assert {fold["fold"] for fold in of_fold} == set(pooled.ids)
        assert float(row["seconds"]) == pytest.approx(
            sum(float(fold["seconds"]) for fold in of_fold), abs=0.1
        )
        assert len(list((tmp_path / "out" / "trials" / row["trial"] / "masks").iterdir())) == 3


def test_the_control_of_a_share_of_all_channels_learns_at_the_rate_of_its_network(tmp_path: Path) -> None:
    text = TINY.replace("recovery_epochs:", "sparsity_over: channels, recovery_epochs:")
    (tmp_path / "study.yaml").write_text(text.replace("[random, slim-scratch]", "[slim-scratch]"))
    rows = run(tmp_path / "study.yaml", tmp_path / "out")
    models = {row["strategy"]: load_model(tmp_path / "out/trials" / row["trial"] / "model") for row in rows}
    recovery = models["agp"].provenance["recovery"]
    assert models["slim-scratch"].provenance["training"]["learning_rate"] == recovery["learning_rate"]
