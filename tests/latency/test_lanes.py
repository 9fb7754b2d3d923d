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


def test_this_machine_has_some() -> None:
    assert measure_lanes("onnxruntime", 1) in lanes.CANDIDATES
