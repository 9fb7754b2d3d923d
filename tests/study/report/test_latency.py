"""Measuring a study's models: a real network, exported and timed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from descale.cli import commands
from descale.cli.main import app
from descale.models import SavedModel, build_network, make_spec, read_widths, save_model
from descale.study.pick import Limits, pick_from_study
from descale.study.report.rows import read_latencies, read_results

HEAD = "dataset,architecture,encoder,strategy,sparsity,seed,macs,iou_corrosion,iou_drop,status,trial\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    spec = make_spec("unet", "resnet18", input_size=(64, 64))
    network = build_network(spec)
    save_model(tmp_path / "trials" / "a" / "model", SavedModel(spec, network, read_widths(network)))
    (tmp_path / "results.csv").write_text(
        HEAD + "d,unet,resnet18,dense,0,0,1000,0.7,0,ok,a\n"
        "d,unet,resnet18,dense,0,1,1000,0.7,0,ok,second-seed\n"
        "d,unet,resnet18,agp,0.5,0,,,,failed: disk full,failed\n"
    )
    return tmp_path


def run(folder: Path) -> str:
    if not any(command.name == "latency" for command in app.registered_commands):
        commands.register(app)
    result = CliRunner().invoke(app, ["latency", str(folder), "--size", "64x64", "--threads", "1"])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def test_first_seed_is_measured_once_and_can_be_picked_by(folder: Path) -> None:
    assert "1 models, median of a 64x64 picture, onnxruntime, 1 thread" in run(folder)
    dense, second, failed = read_results(folder)
    assert 0 < dense.numbers["latency_ms"] < 10_000
    assert "latency_ms" not in second.numbers
    assert "latency_ms" not in failed.numbers
    before = read_latencies(folder / "latency.csv")
    run(folder)
    assert read_latencies(folder / "latency.csv") == before
    (answer,) = pick_from_study(folder, Limits({"latency_ms": 10_000}, 0.02))
    assert answer.chosen is not None
