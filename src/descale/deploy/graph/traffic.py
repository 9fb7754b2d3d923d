"""How many values a network moves: what it reads and writes at least, for the memory side of a roofline."""

from __future__ import annotations

import math

import onnx

from descale.deploy.graph.editing import ACTIVATIONS, Graph


def values_moved(model: onnx.ModelProto, size: tuple[int, int]) -> int:
    """Values that the nodes read and write for one picture of ``size`` (height, width), weights included.

    Activation functions are left out, since engines compute them on the way. Values of 4 bytes in
    float32; a cache that holds a value between two nodes makes it cheaper than that.
    """
    graph = Graph(model)
    shapes = graph.shapes(size)
    total = 0
    for node in graph.nodes:
        if node.op_type in ACTIVATIONS:
            continue
        names = [name for name in (*node.input, *node.output) if name]
        total += sum(math.prod(shapes[name]) for name in names if name in shapes)
    return total
