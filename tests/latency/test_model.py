"""Times of widths that were not measured, and layers as engines time them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.latency.conftest import SIZE, Law, part_vectors, total, whole_vectors
from torch import nn

from descale.latency.layers import exported_graph, time_layers
from descale.latency.model import fit_latency
from descale.latency.table import LatencyTable, LayerTime
from descale.models import ModelSpec
from descale.pruning.allocation import allocate
from descale.pruning.channels import ChannelGraph
from descale.pruning.footprint import Footprint


@pytest.mark.parametrize("law", [whole_vectors, part_vectors])
@pytest.mark.parametrize("sparsity", [0.2, 0.55, 0.8])
def test_widths_that_were_not_measured_are_predicted(
    filled: Callable[[Law], LatencyTable],
    graph: ChannelGraph,
    footprint: Footprint,
    law: Law,
    sparsity: float,
) -> None:
    model = fit_latency(filled(law), footprint)
    counts = allocate(graph, sparsity, allocation="bypass")
    assert model.ms(counts) == pytest.approx(total(footprint, counts, law), rel=0.005)


def test_time_that_belongs_to_no_layer_is_predicted_too(
    filled: Callable[[Law], LatencyTable], footprint: Footprint
) -> None:
    found = filled(whole_vectors)
    layers = {probe: sum(one.ms for one in found.times if one.probe == probe) for probe in range(10)}
    times = tuple(
        LayerTime(one.probe, "", False, 0, 0, 0.5 + 0.1 * layers[one.probe]) if one.layer == "" else one
        for one in found.times
    )
    model = fit_latency(replace(found, times=times), footprint)
    dense = total(footprint, footprint.full(), whole_vectors)
    assert model.ms(footprint.full()) == pytest.approx(0.5 + 1.1 * dense, rel=0.02)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_engines_time_every_convolution_under_its_own_name(
    network: nn.Module, spec: ModelSpec, footprint: Footprint, engine: str
) -> None:
    pytest.importorskip(engine)
    graph = exported_graph(network, spec, engine)
    (timed,) = time_layers([graph], SIZE, engine=engine, threads=1, seconds=0.1)
    convolutions = {name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    assert convolutions <= timed.layers.keys()
    assert all(ms > 0 for layer, ms in timed.layers.items() if layer in convolutions)
    assert timed.rest < sum(timed.layers.values())
