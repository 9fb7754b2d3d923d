"""Weights kept in 16 bits: half the file, the same arithmetic."""

from __future__ import annotations

import logging

import numpy as np
import onnx

from descale.deploy.graph.editing import Graph

logger = logging.getLogger(__name__)

LEAST_VALUES = 64
"""Smaller constants stay as they are: beside its own name, a cast of them would save nothing."""
_LARGEST = float(np.finfo(np.float16).max)


def store_in_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network, its float32 constants stored as float16 and cast back when they are read.

    Engines cast once, as they load the file, and compute in float32 as before. A value keeps 11 bits of
    precision; what is larger than float16 can hold stays in float32, which is logged.

    >>> from onnx import parser
    >>> add = parser.parse_model(
    ...     '<ir_version: 10, opset_import: ["" : 18]> '
    ...     "add (float[64] x) => (float[64] y) {c = Constant<value = float[64] {" + "0.1," * 63 + "0.1}>() "
    ...     "y = Add(x, c)}"
    ... )
    >>> [node.op_type for node in store_in_half(add).graph.node]
    ['Cast', 'Add']
    """
    graph = Graph(model)
    large = 0
    for name, values in list(graph.constants.items()):
        if values.dtype != np.float32 or values.size < LEAST_VALUES:
            continue
        if not (np.abs(values) <= _LARGEST).all():
            large += 1
            continue
        stored = graph.constant(f"{name}.half", values.astype(np.float16))
        del graph.constants[name]
        graph.add("Cast", [stored], output=name, to=onnx.TensorProto.FLOAT)
    if large:
        logger.warning("%d tensors hold values beyond 65504 and stay in float32", large)
    return graph.to_model()
