"""How many channels an engine computes at once: the width below which narrower is not faster."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from descale.stopwatch.node_clock import open_clock

CANDIDATES = (4, 8, 16)
SIDE, INPUTS, RUNS, TURNS = 64, 64, 10, 5
SAME = 1.3
"""Twice as many outputs that take less than this many times as long are computed at once."""


def measure_lanes(engine: str, threads: int) -> int:
    """Channels in a vector of this machine's processor, as the engine uses it.

    The outputs of a convolution are doubled as long as that takes hardly longer: to 8 on AVX2, 16 on AVX-512,
    4 on most ARM cores.

    Args:
        engine: name in :data:`descale.runtime.engines.ENGINES`.
        threads: that it may use.
    """
    least = dict.fromkeys(CANDIDATES, float("inf"))
    for _ in range(TURNS):
        for outputs in CANDIDATES:
            least[outputs] = min(least[outputs], convolution_ms(outputs, engine, threads))
    lanes = CANDIDATES[0]
    for wider in CANDIDATES[1:]:
        if least[wider] > SAME * least[lanes]:
            break
        lanes = wider
    return lanes


def choices(units: int, least: int, lanes: int) -> list[int]:
    """Widths worth having of a group of ``units``: whole vectors and all there is, and below them the parts
    of a vector from ``least`` on, which are no faster to write, but to read.

    >>> choices(20, 2, 8)
    [2, 4, 8, 16, 20]
    """
    parts = [width for width in (1, 2, 4, 8) if least <= width < min(lanes, units)]
    return sorted({*parts, *range(lanes, units, lanes), units})


def convolution_ms(outputs: int, engine: str, threads: int) -> float:
    """Least milliseconds of a convolution with so many outputs."""
    clock = open_clock(_convolution(outputs).SerializeToString(), engine, threads)
    picture = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    for _ in range(RUNS):
        clock.run(picture)
    return sum(min(ms) for names, ms in clock.nodes().items() if "timed" in names)


def _convolution(outputs: int) -> onnx.ModelProto:
    """Three convolutions, so that the one in the middle gets and leaves its channels as the engine likes."""
    random = np.random.default_rng(0)
    weights = {
        "before": random.normal(size=(INPUTS, 3, 1, 1)),
        "timed": random.normal(size=(outputs, INPUTS, 3, 3)),
        "after": random.normal(size=(16, outputs, 1, 1)),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["values"], name="cast", to=onnx.TensorProto.FLOAT),
        helper.make_node("Transpose", ["values"], ["planes"], name="transpose", perm=[0, 3, 1, 2]),
    ]
    value = "planes"
    for name, weight in weights.items():
        side = weight.shape[-1]
        nodes.append(
            helper.make_node(
                "Conv", [value, f"{name}.weight"], [name], name=name, kernel_shape=[side, side],
                pads=[side // 2] * 4,
            )
        )  # fmt: skip
        value = name
    graph = helper.make_graph(
        nodes,
        "lanes",
        [helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, [1, SIDE, SIDE, 3])],
        [helper.make_tensor_value_info(value, onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(w.astype(np.float32), f"{n}.weight") for n, w in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
