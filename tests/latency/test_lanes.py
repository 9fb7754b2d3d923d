"""Vectors of channels."""

from __future__ import annotations

import pytest

from descale.latency import lanes
from descale.latency.lanes import measure_lanes


@pytest.mark.parametrize("true", [4, 8, 16])
def test_lanes_are_the_width_up_to_which_outputs_cost_nothing(
    monkeypatch: pytest.MonkeyPatch, true: int
) -> None:
    monkeypatch.setattr(lanes, "convolution_ms", lambda outputs, engine, threads: -(-outputs // true))
    assert measure_lanes("openvino", 1) == true


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_convolution_takes_time(engine: str) -> None:
    pytest.importorskip(engine)
    assert 0 < lanes.convolution_ms(16, engine, 1) < 1000
