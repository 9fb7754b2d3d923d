"""A network, and tables of it as an engine with a known law of cost would fill them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

from descale.latency.layers import Timed
from descale.latency.table import LatencyTable, probe_widths, table_of, write_table
from descale.models import ModelSpec, build_network, make_spec
from descale.pruning import build_channel_graph
from descale.pruning.allocation import Counts
from descale.pruning.channels import ChannelGraph
from descale.pruning.footprint import Footprint

SIZE, LANES = (64, 64), 4
Law = Callable[[str, int, int], float]
"""(layer, inputs, outputs) -> milliseconds."""


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    return make_spec("linknet", "tu-test_efficientnet", input_size=SIZE)


@pytest.fixture(scope="session")
def network(spec: ModelSpec) -> nn.Module:
    return build_network(spec).eval()


@pytest.fixture(scope="session")
def graph(network: nn.Module) -> ChannelGraph:
    return build_channel_graph(network)


@pytest.fixture(scope="session")
def footprint(network: nn.Module, graph: ChannelGraph) -> Footprint:
    return Footprint(network, graph, SIZE)


def whole_vectors(layer: str, inputs: int, outputs: int) -> float:
    """A start, and products in whole vectors."""
    return 0.05 + 1e-4 * inputs * -(-outputs // LANES) * LANES


def part_vectors(layer: str, inputs: int, outputs: int) -> float:
    """A start, and products that a vector with idle lanes has fewer of, as OpenVINO's on AVX-512."""
    return 0.05 + 1e-4 * inputs * outputs


def total(footprint: Footprint, counts: Counts, law: Law) -> float:
    """Milliseconds of all convolutions by a law."""
    return sum(law(name, *widths(footprint, name, counts)) for name in footprint.layers)


def widths(footprint: Footprint, name: str, counts: Counts) -> tuple[int, int]:
    found = footprint.layer(name, counts)
    return (1 if footprint.is_depthwise(name) else found.inputs), found.outputs


@pytest.fixture(scope="session")
def filled(spec: ModelSpec, graph: ChannelGraph, footprint: Footprint) -> Callable[[Law], LatencyTable]:
    """The table that an engine with that law gives."""

    def fill(law: Law) -> LatencyTable:
        probes = probe_widths(graph, footprint.full(), LANES)
        timed = [
            Timed({name: law(name, *widths(footprint, name, counts)) for name in footprint.layers}, 0.0)
            for counts in probes
        ]
        return table_of(spec, footprint, probes, timed, engine="openvino", threads=2, size=SIZE, lanes=LANES)

    return fill


@pytest.fixture
def written(filled: Callable[[Law], LatencyTable], tmp_path: Path) -> Callable[[Law], Path]:
    """The same as a file."""

    def write(law: Law) -> Path:
        write_table(tmp_path / "times.csv", filled(law))
        return tmp_path / "times.csv"

    return write
