"""INT8 for ONNX Runtime: quantize and dequantize nodes around the layers, weights by channel."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from descale.deploy.graph import INPUT


class _Reader(CalibrationDataReader):
    """Hands out the pictures one by one."""

    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self._pictures: Iterator[NDArray[np.uint8]] = iter(pictures)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        picture = next(self._pictures, None)
        return None if picture is None else {INPUT: picture[None]}


def quantize(
    source: Path, target: Path, pictures: NDArray[np.uint8], *,
    keep_float: frozenset[str], only: frozenset[str] | None = None,
) -> None:  # fmt: skip
    """Write a quantized copy of an ONNX file.

    Activations are unsigned, with the range seen on the pictures; weights signed with 7 bits, since
    CPUs without VNNI add pairs of products in 16 bits, which 8-bit weights can overflow.

    Args:
        pictures: uint8 (N, H, W, 3).
        keep_float: names of nodes that stay in float.
        only: names of the nodes to quantize; all that can be, if ``None``.
    """
    chatter = logging.getLogger()
    level = chatter.level
    chatter.setLevel(logging.ERROR)  # it writes to the root logger
    try:
        quantize_static(
            str(source), str(target), _Reader(pictures),
            quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=sorted(keep_float), nodes_to_quantize=None if only is None else sorted(only),
        )  # fmt: skip
    finally:
        chatter.setLevel(level)


def layers(source: Path) -> tuple[str, ...]:
    """Names of the convolutions of an ONNX file, in order."""
    graph = onnx.load(source).graph
    return tuple(node.name for node in graph.node if node.op_type in ("Conv", "ConvTranspose"))
