"""A table of milliseconds by layer and widths, for one network, engine and device."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from descale.base.errors import ConfigError, PruningError
from descale.base.files import replacing_file
from descale.latency.lanes import choices, measure_lanes
from descale.latency.layers import Timed, exported_graph, layer_of, time_layers
from descale.models import ModelSpec
from descale.models.spec import check_size
from descale.pruning.allocation import FLOOR, Counts, allocate
from descale.pruning.budget import first_units
from descale.pruning.channels import ChannelGraph
from descale.pruning.cut import cut_channels
from descale.pruning.footprint import Footprint
from descale.runtime.device import describe_device

SPARSITIES = (0.0, 0.4, 0.5, 0.6, 0.7, 0.78, 0.84, 0.88, 0.92, 0.95)
"""Of the networks that are measured; the first is the dense one."""
SPREAD = 0.5
"""Standard deviation of the logarithm of the factors by which their widths differ from an allocation's."""
LEAST_PROBES = 3
"""Fewer networks do not tell how time grows with inputs and outputs."""
SECONDS = 25.0
COLUMNS = (
    "network", "engine", "threads", "height", "width", "lanes", "probe", "layer", "depthwise", "inputs",
    "outputs", "ms", "device",
)  # fmt: skip
REST = ""
"""Stands for the layer where time belongs to none."""


@dataclass(frozen=True)
class LayerTime:
    """One measured layer.

    Attributes:
        probe: number of the network it was measured in; 0 is the dense one.
        layer: its name; empty for the time that belongs to no layer.
        depthwise: whether each channel is computed from one alone.
        inputs: channels read.
        outputs: channels written.
        ms: median milliseconds.
    """

    probe: int
    layer: str
    depthwise: bool
    inputs: int
    outputs: int
    ms: float


@dataclass(frozen=True)
class LatencyTable:
    """Milliseconds of a network's layers at several widths.

    Attributes:
        network: architecture and encoder.
        engine: that ran it.
        threads: that it used.
        size: (height, width) of the picture in pixels.
        lanes: channels that the engine computes at once.
        device: what it was measured on.
        times: by probe and layer.
    """

    network: str
    engine: str
    threads: int
    size: tuple[int, int]
    lanes: int
    device: str
    times: tuple[LayerTime, ...]

    @property
    def dense_ms(self) -> float:
        """Milliseconds of the dense network."""
        return sum(one.ms for one in self.times if one.probe == 0)


def measure_table(
    network: nn.Module,
    spec: ModelSpec,
    graph: ChannelGraph,
    *,
    size: tuple[int, int],
    engine: str,
    threads: int,
    tell: Callable[[str], None],
    seconds: float | None = None,
) -> LatencyTable:
    """Time the dense network and nine narrower ones of various widths, layer by layer; about a minute.

    Args:
        network: dense, with any weights.
        spec: its normalisation.
        graph: its groups.
        size: (height, width) of the picture in pixels.
        engine: name in :data:`descale.stopwatch.node_clock.CLOCKS`.
        threads: that it may use.
        tell: called with what is being done.
        seconds: for the runs, :data:`SECONDS` by default.

    Raises:
        ConfigError: the size is no multiple of the network's stride.
        ExportError: the network cannot be exported.
        PruningError: its layers cannot be told apart in the exported graph.
    """
    try:
        check_size(size)
    except ValueError as error:
        raise ConfigError(f"A table of latencies is of a size that the network takes: {error}.") from None
    seconds = SECONDS if seconds is None else seconds
    lanes = measure_lanes(engine, threads)
    footprint = Footprint(network, graph, size)
    probes = probe_widths(graph, footprint.full(), lanes)
    exported = []
    for number, counts in enumerate(probes, start=1):
        tell(f"network {number} of {len(probes)} for the timing in {engine}")
        narrow = cut_channels(network, graph, first_units(graph, counts)).eval()
        exported.append(exported_graph(narrow, spec, engine))
    tell(f"timing {len(probes)} networks in {engine} with {threads} threads, {seconds:.0f} s and more")
    timed = time_layers(exported, size, engine=engine, threads=threads, seconds=seconds)
    if not any(footprint.knows(layer_of(layer)) for layer in timed[0].layers):
        raise PruningError(
            f"The layers of {spec.architecture}/{spec.encoder} cannot be told apart in {engine} and "
            "timed one by one. Give a budget of macs, or another engine or encoder."
        )
    return table_of(spec, footprint, probes, timed, engine=engine, threads=threads, size=size, lanes=lanes)


def table_of(
    spec: ModelSpec,
    footprint: Footprint,
    probes: Sequence[Counts],
    timed: Sequence[Timed],
    *,
    engine: str,
    threads: int,
    size: tuple[int, int],
    lanes: int,
) -> LatencyTable:
    """The table of networks that were timed on this machine.

    Args:
        spec: architecture and encoder.
        footprint: of the dense network.
        probes: widths of the networks, the dense one first.
        timed: what each of them took.
        engine: that ran them.
        threads: that it used.
        size: (height, width) of the picture in pixels.
        lanes: channels that the engine computes at once.
    """
    return LatencyTable(
        network=f"{spec.architecture}/{spec.encoder}", engine=engine, threads=threads, size=size,
        lanes=lanes, device=str(describe_device()),
        times=tuple(
            row
            for probe, (counts, one) in enumerate(zip(probes, timed, strict=True))
            for row in _rows(probe, footprint, counts, one)
        ),
    )  # fmt: skip


def probe_widths(graph: ChannelGraph, full: Counts, lanes: int) -> list[Counts]:
    """Widths to measure: around an allocation at each of :data:`SPARSITIES`, every group drawn apart."""
    random = np.random.default_rng(0)
    found = [full]
    for sparsity in SPARSITIES[1:]:
        centre = allocate(graph, sparsity, allocation="balanced")
        counts = {}
        for group in graph.prunable:
            wanted = centre[group.index] * np.exp(random.normal(0, SPREAD))
            ladder = np.array(choices(group.units, max(FLOOR, lanes // 4), lanes))
            counts[group.index] = int(ladder[np.abs(ladder - wanted).argmin()])
        found.append(counts)
    return found


def _rows(probe: int, footprint: Footprint, counts: Counts, timed: Timed) -> list[LayerTime]:
    rows = [LayerTime(probe, REST, False, 0, 0, timed.rest)]
    for layer, ms in sorted(timed.layers.items()):
        name = layer_of(layer)
        if footprint.knows(name):
            widths, depthwise = footprint.layer(name, counts), footprint.is_depthwise(name)
            rows.append(LayerTime(probe, layer, depthwise, widths.inputs, widths.outputs, ms))
        else:
            rows.append(LayerTime(probe, layer, False, 0, 0, ms))
    return rows


def write_table(path: Path, table: LatencyTable) -> None:
    """Write a table as CSV, one row a layer and probe."""
    height, width = table.size
    with replacing_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for one in table.times:
            writer.writerow(
                [
                    table.network, table.engine, table.threads, height, width, table.lanes, one.probe,
                    one.layer, int(one.depthwise), one.inputs, one.outputs, f"{one.ms:.5g}", table.device,
                ]
            )  # fmt: skip


def read_table(path: Path) -> LatencyTable:
    """Read a table that :func:`write_table` wrote.

    Raises:
        ConfigError: it is not there, is no such table, or rows of it are missing.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            lines = list(csv.DictReader(stream))
        first = lines[0]
        table = LatencyTable(
            network=first["network"], engine=first["engine"], threads=int(first["threads"]),
            size=(int(first["height"]), int(first["width"])), lanes=int(first["lanes"]),
            device=first["device"], times=_times(lines),
        )  # fmt: skip
    except (OSError, KeyError, ValueError, IndexError, TypeError, csv.Error) as error:
        raise ConfigError(
            f"{path} is no table of latencies ({type(error).__name__}: {error}). Make one with: "
            "descale benchmark --dense MODEL --table FILE."
        ) from None
    if lack := _lack_of(table.times):
        raise ConfigError(f"{path}: {lack}. Make the table again: descale benchmark --table.")
    return table


def _lack_of(times: Sequence[LayerTime]) -> str:
    """What keeps times from telling what a width costs; empty if nothing does."""
    if not all(math.isfinite(one.ms) and one.ms >= 0 for one in times):
        return "a time is no number of milliseconds"
    probes = {one.probe for one in times}
    if len(probes) < LEAST_PROBES or 0 not in probes:
        return (
            f"times of {len(probes)} networks, where the dense one and {LEAST_PROBES - 1} others are needed"
        )
    if {one.probe for one in times if one.layer == REST} != probes:
        return "rows are missing: a network lacks the time that belongs to no layer"
    layers = {probe: {one.layer for one in times if one.probe == probe} for probe in probes}
    if any(named != layers[0] for named in layers.values()):
        return "rows are missing: networks that are the same but for their widths have other layers"
    if sum(one.ms for one in times if one.probe == 0) <= 0:
        return "the dense network is said to take no time"
    return ""


def _times(lines: Sequence[dict[str, str]]) -> tuple[LayerTime, ...]:
    return tuple(
        LayerTime(
            int(line["probe"]), line["layer"], line["depthwise"] == "1", int(line["inputs"]),
            int(line["outputs"]), float(line["ms"]),
        )
        for line in lines
    )  # fmt: skip


def by_layer(table: LatencyTable) -> dict[str, list[LayerTime]]:
    """The rows of each layer."""
    found: dict[str, list[LayerTime]] = defaultdict(list)
    for one in table.times:
        found[one.layer].append(one)
    return dict(found)
