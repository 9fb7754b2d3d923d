"""Networks before training: widths of a sparsity, or those that take as long and lose less."""

from __future__ import annotations

import pytest
from tests.latency.conftest import LANES, SIZE, widths

from descale.base.errors import PruningError
from descale.compression.untrained import Untrained
from descale.latency.layers import Timed
from descale.latency.table import LatencyTable, probe_widths, table_of
from descale.models import count_parameters, make_spec, read_widths
from descale.pruning import build_channel_graph
from descale.pruning.footprint import Footprint


def jagged(outputs: int) -> int:
    """What an engine computes where so many outputs are asked for, and twice that for a vector in part."""
    return -(-outputs // LANES) * LANES * (1 if outputs % LANES == 0 else 2)


def times_of(untrained: Untrained) -> LatencyTable:
    """Times of an engine in which channels of the first layers are dear."""
    graph = build_channel_graph(untrained.dense)
    footprint = Footprint(untrained.dense, graph, SIZE)
    probes = probe_widths(graph, footprint.full(), LANES)
    timed = [
        Timed(
            {
                name: 0.01
                + 1e-4 * inputs * jagged(outputs) * (20 if "blocks.0" in name or "stem" in name else 1)
                for name in footprint.layers
                for inputs, outputs in [widths(footprint, name, counts)]
            },
            0.0,
        )
        for counts in probes
    ]
    return table_of(
        untrained.spec, footprint, probes, timed, engine="openvino", threads=1, size=SIZE, lanes=LANES
    )


def test_networks_that_follow_times_take_as_long_and_are_wider() -> None:
    untrained = Untrained(make_spec("linknet", "tu-test_efficientnet", input_size=SIZE))
    plain = untrained.at(0.6)
    assert untrained.share(0.6) is None
    assert abs(untrained.removed(plain) - 0.6) < 0.02
    untrained.follow(times_of(untrained))
    share = untrained.share(0.6)
    assert share is not None
    assert 0 < share < 1
    chosen = untrained.at(0.6)
    assert read_widths(chosen) != read_widths(plain)
    assert untrained.removed(chosen) < 0.6
    assert count_parameters(chosen) > count_parameters(plain)
    assert untrained.at(0) is untrained.dense
    assert untrained.share(0) is None


def test_where_times_leave_nothing_to_choose_the_widths_are_the_recipes_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PruningError("a latency that cannot be met")

    untrained = Untrained(make_spec("linknet", "tu-test_efficientnet", input_size=SIZE))
    plain = read_widths(untrained.at(0.95))
    monkeypatch.setattr("descale.compression.untrained.choose_widths", refused)
    untrained.follow(times_of(untrained))
    assert read_widths(untrained.at(0.95)) == plain
    assert untrained.share(0.95) is None


def test_widths_that_are_predicted_to_take_as_long_as_the_dense_network_are_the_plain_ones() -> None:
    untrained = Untrained(make_spec("linknet", "tu-test_efficientnet", input_size=SIZE))
    plain = read_widths(untrained.at(0.1))
    untrained.follow(times_of(untrained))
    assert untrained._times is not None
    untrained._times = (untrained._times[0], 1e-6)  # the dense network as if it took less than anything
    assert untrained.share(0.1) is None
    assert read_widths(untrained.at(0.1)) == plain
