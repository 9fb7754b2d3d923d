"""``descale benchmark --table`` and what a budget in latency makes of it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from descale.latency import table
from descale.models import load_model, save_model
from descale.pruning import build_channel_graph
from descale.pruning.budget import first_units
from descale.pruning.cut import cut_channels


@pytest.fixture
def times(descale: Any, dense_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(table, "SPARSITIES", (0.0, 0.4, 0.8))
    monkeypatch.setattr(table, "SECONDS", 0.1)
    out = tmp_path / "times.csv"
    ended = descale(
        "benchmark", "--dense", dense_model, "--size", "64x64", "--engine", "onnxruntime", "--threads", 1,
        "--table", out,
    )  # fmt: skip
    assert (ended.status, ended.errors) == (0, [])
    assert "onnxruntime" in ended.out
    return out


def by_a_law(times: Path) -> None:
    """Put times of whole vectors of products in place of what this machine took."""
    with times.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    with times.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, table.COLUMNS)
        writer.writeheader()
        writer.writerows({**row, "ms": products(row)} for row in rows)


def products(row: dict[str, str]) -> int:
    vectors = -(-int(row["outputs"]) // int(row["lanes"]))
    return vectors if row["depthwise"] == "1" else int(row["inputs"]) * vectors


def test_a_plan_follows_the_table(descale: Any, dense_model: Path, times: Path) -> None:
    by_a_law(times)
    spec = load_model(dense_model).spec
    network = ("--arch", spec.architecture, "--encoder", spec.encoder, "--size", "64x64")
    plans = []
    for share in (0.7, 0.5):
        ended = descale(
            "plan", *network, "--budget", f"latency={share}", "--latency-table", times, "--format", "json"
        )
        assert (ended.status, ended.errors) == (0, [])
        plans.append(json.loads(ended.out))
    assert plans[1]["macs_after"] < plans[0]["macs_after"] < plans[0]["macs_before"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "--budget", "latency=0.5", "--round-to", "8"), "--round-to"),
        (("plan", "--budget", "macs=0.5", "--latency-table", "times.csv"), "--latency-table"),
        (("benchmark",), "Nothing to measure"),
    ],
)
def test_what_would_be_ignored_is_refused(descale: Any, words: tuple[str, ...], said: str) -> None:
    network = ("--arch", "linknet", "--encoder", "tu-test_efficientnet") if words[0] == "plan" else ()
    ended = descale(*words, *network)
    assert ended.status == 1
    assert said in ended.err


def test_a_table_of_a_pruned_network_is_refused(descale: Any, dense_model: Path, tmp_path: Path) -> None:
    model = load_model(dense_model)
    graph = build_channel_graph(model.network)
    counts = {group.index: max(1, group.units // 2) for group in graph.prunable}
    narrow = cut_channels(model.network, graph, first_units(graph, counts))
    save_model(tmp_path / "model", replace(model, network=narrow))
    ended = descale(
        "benchmark", "--dense", tmp_path / "model", "--engine", "onnxruntime", "--table", tmp_path / "t.csv"
    )
    assert ended.status == 1
    assert "already pruned" in ended.err


def test_a_table_needs_a_dense_model_and_one_engine(descale: Any, tmp_path: Path) -> None:
    ended = descale("benchmark", "--table", tmp_path / "times.csv")
    assert ended.status == 1
    assert "--dense" in ended.err
    assert not (tmp_path / "times.csv").exists()
