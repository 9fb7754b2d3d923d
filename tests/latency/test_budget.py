"""A budget in latency becomes widths: within it, in whole vectors, and dear channels go first."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnx
import pytest
from tests.latency.conftest import LANES, SIZE, Law, total, whole_vectors
from torch import nn

from descale.base.errors import ConfigError, PruningError
from descale.latency import budget, table, widths_for_latency
from descale.latency.layers import Timed
from descale.models import ModelSpec, make_spec
from descale.pruning.allocation import Counts
from descale.pruning.channels import ChannelGraph
from descale.pruning.footprint import Footprint

NARROW = "decoder.blocks.0.block.0.0"
Written = Callable[[Law], Path]


@pytest.fixture
def chosen(
    network: nn.Module, spec: ModelSpec, graph: ChannelGraph, written: Written
) -> Callable[[Law, float], Counts]:
    def choose(law: Law, share: float) -> Counts:
        return widths_for_latency(
            network, spec, graph, share, size=SIZE, allocation="bypass", table=written(law)
        ).counts

    return choose


@pytest.mark.parametrize("share", [0.5, 0.35])
def test_widths_keep_the_budget_and_use_it_up(
    chosen: Callable[[Law, float], Counts], footprint: Footprint, share: float
) -> None:
    reached = total(footprint, chosen(whole_vectors, share), whole_vectors) / total(
        footprint, footprint.full(), whole_vectors
    )
    assert 0.9 * share <= reached <= 1.01 * share


def test_widths_above_a_vector_are_whole_vectors(
    chosen: Callable[[Law, float], Counts], graph: ChannelGraph
) -> None:
    counts = chosen(whole_vectors, 0.5)
    odd = {
        group.index: counts[group.index]
        for group in graph.prunable
        if counts[group.index] > LANES and counts[group.index] % LANES and counts[group.index] < group.units
    }
    assert odd == {}
    assert any(count > LANES for count in counts.values())


def test_a_dearer_layer_gets_fewer_channels(
    chosen: Callable[[Law, float], Counts], footprint: Footprint
) -> None:
    def dear(layer: str, inputs: int, outputs: int) -> float:
        return (30 if layer == NARROW else 1) * whole_vectors(layer, inputs, outputs)

    plain, dearer = (footprint.layer(NARROW, chosen(law, 0.4)).outputs for law in (whole_vectors, dear))
    assert dearer < plain


def test_a_budget_below_every_width_is_refused(chosen: Callable[[Law, float], Counts]) -> None:
    with pytest.raises(PruningError, match=r"ms cannot be met: with one channel in every group"):
        chosen(whole_vectors, 0.001)


def test_a_table_of_another_network_or_none_is_refused(
    network: nn.Module, graph: ChannelGraph, written: Written, tmp_path: Path
) -> None:
    other = make_spec("unet", "tu-test_efficientnet", input_size=SIZE)
    with pytest.raises(ConfigError, match="a table of linknet/tu-test_efficientnet, not of unet"):
        widths_for_latency(
            network, other, graph, 0.5, size=SIZE, allocation="bypass", table=written(whole_vectors)
        )
    broken = tmp_path / "other.csv"
    broken.write_text("a,b\n1,2\n")
    for path in (broken, tmp_path / "nowhere.csv"):
        with pytest.raises(ConfigError, match="is no table of latencies"):
            widths_for_latency(network, other, graph, 0.5, size=SIZE, allocation="bypass", table=path)


def test_a_table_of_another_engine_than_was_asked_for_is_refused(
    network: nn.Module, spec: ModelSpec, graph: ChannelGraph, written: Written
) -> None:
    times = written(whole_vectors)
    own = table.read_table(times).engine
    other = next(name for name in ("openvino", "onnxruntime") if name != own)
    how: dict[str, Any] = {"size": SIZE, "allocation": "bypass", "table": times}
    with pytest.raises(ConfigError, match=f"holds times of {own}, not of {other}"):
        widths_for_latency(network, spec, graph, 0.5, engine=other, **how)
    widths_for_latency(network, spec, graph, 0.5, engine=own, **how)


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (lambda row: {**row, "ms": "nan"}, "no number of milliseconds"),
        (lambda row: row if row["probe"] == "0" else None, "times of 1 networks"),
        (lambda row: row if row["layer"] else None, "rows are missing"),
        (lambda row: None if (row["probe"], row["layer"]) == ("1", NARROW) else row, "rows are missing"),
        (lambda row: {**row, "ms": "0"}, "take no time"),
    ],
)
def test_a_table_that_lost_rows_or_times_is_refused(
    written: Written, kept: Callable[[dict[str, str]], dict[str, str] | None], message: str
) -> None:
    path = written(whole_vectors)
    with path.open(newline="") as stream:
        rows = [row for one in csv.DictReader(stream) if (row := kept(one)) is not None]
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, table.COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(ConfigError, match=message):
        table.read_table(path)


def test_a_size_that_the_network_does_not_take_is_refused(
    network: nn.Module, spec: ModelSpec, graph: ChannelGraph
) -> None:
    with pytest.raises(ConfigError, match="multiple of 32"):
        table.measure_table(
            network, spec, graph, size=(100, 100), engine="onnxruntime", threads=1, tell=lambda _: None
        )


def test_unknown_engines_are_refused(network: nn.Module, spec: ModelSpec, graph: ChannelGraph) -> None:
    with pytest.raises(ConfigError, match="Engine 'tflite' is unknown"):
        widths_for_latency(network, spec, graph, 0.5, size=SIZE, allocation="bypass", engine="tflite")


def by_products(graphs: Sequence[onnx.ModelProto], *_: object, **__: object) -> list[Timed]:
    """Times of an engine that needs a millisecond for a thousand weights, however busy the machine is."""
    found = []
    for graph in graphs:
        weights = {tensor.name: math.prod(tensor.dims) for tensor in graph.graph.initializer}
        convolutions = [node for node in graph.graph.node if node.op_type in ("Conv", "ConvTranspose")]
        found.append(Timed({node.name: weights[node.input[1]] / 1000 for node in convolutions}, 0.1))
    return found


def test_without_a_table_this_machine_is_timed_and_the_table_kept(
    network: nn.Module, spec: ModelSpec, graph: ChannelGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "SPARSITIES", (0.0, 0.3, 0.6, 0.9))
    for where in (table, budget):
        monkeypatch.setattr(where, "time_layers", by_products)
    kept = tmp_path / "latency.csv"
    found = widths_for_latency(
        network, spec, graph, 0.6, size=SIZE, allocation="bypass", engine="onnxruntime", keep=kept
    )
    assert found.counts.keys() == {group.index for group in graph.prunable}
    assert sum(found.counts.values()) < sum(group.units for group in graph.prunable)
    measured = table.read_table(kept)
    assert (measured.engine, measured.size) == ("onnxruntime", SIZE)
    assert measured.dense_ms > 0
