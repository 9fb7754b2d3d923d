"""Enlarge logits otherwise where an engine's own bilinear enlarging is slow.

Enlarged by 2, every pixel of an output is a sum of at most four of the input with weights 1/16, 3/16 and
9/16, the same ones for each of the four pixels that a position becomes (pixels lie by their centres). That is
a convolution whose four phases ``DepthToSpace`` puts side by side; outside of the picture its border goes on.

Where the corners are aligned, as FPN's by 4, the weights change from pixel to pixel. They are those of a hat
function along the rows and of one along the columns, so enlarging is a product with a matrix from each side.
"""

from __future__ import annotations

import numpy as np
import onnx

from descale.deploy.graph.editing import Array, Graph, attribute

ENLARGING = "enlarge_logits"
"""How the convolution that enlarges is called: it is no layer of the network, and none to be quantized."""
MOST_CLASSES = 4
"""The convolution costs the square of the classes. LinkNet at 90 % in OpenVINO, 512x512, one thread:
resizing takes 4.9 ms and the convolution 1.6 for 2 classes, 9 and 7 for 4, 16 and 18 for 8. In ONNX Runtime
2.4 and 2.2 for 2, 2 and 21 for 8 (``benchmarks/latency/half.py --classes``)."""


def enlarge_by_convolution(graph: Graph, *, most_classes: int = MOST_CLASSES) -> int:
    """Rewrite a bilinear enlarging by 2 that ends the network, if it has few classes."""
    node = graph.producers()[graph.outputs[0].name]
    classes = graph.shapes((64, 96)).get(node.output[0], (0, 0))[1]
    if not _is_bilinear_double(graph, node) or classes > most_classes:
        return 0
    by_one = graph.constant("by_one", np.asarray([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    padded = graph.add("Pad", [node.input[0], by_one], mode="edge")
    weight = graph.constant("enlarging", _phases(classes))
    phases = graph.add("Conv", [padded, weight], graph.fresh(ENLARGING), kernel_shape=[3, 3])
    graph.nodes = [other for other in graph.nodes if other is not node]
    graph.add("DepthToSpace", [phases], node.output[0], blocksize=2, mode="DCR")
    return 1


def enlarge_by_products(graph: Graph) -> int:
    """Rewrite a bilinear enlarging with aligned corners that ends the network.

    That saves FPN at 90 % in OpenVINO 13 to 19 % of its time (``benchmarks/latency/rewrites.py``).
    """
    node = graph.producers()[graph.outputs[0].name]
    if not _is_bilinear(node, "align_corners") or len(node.input) != 3:
        return 0
    batch, classes, *factors = graph.constants[node.input[2]].tolist()
    if (batch, classes) != (1, 1) or any(factor != int(factor) for factor in factors):
        return 0
    rows, columns = (_hats(graph, node.input[0], axis, factors[axis - 2]) for axis in (2, 3))
    graph.nodes = [other for other in graph.nodes if other is not node]
    transposed = graph.add("Transpose", [rows], perm=[1, 0])
    graph.add("MatMul", [graph.add("MatMul", [transposed, node.input[0]]), columns], node.output[0])
    return 1


def _hats(graph: Graph, value: str, axis: int, factor: float) -> str:
    """Weights (n, factor * n) of the n places along an axis for those that it is enlarged to."""
    zero, one = (
        graph.constant(name, np.asarray(number, np.float32)) for name, number in (("zero", 0), ("one", 1))
    )
    extent = graph.add(
        "Gather", [graph.add("Shape", [value]), graph.constant("axis", np.asarray(axis, np.int64))], axis=0
    )
    places = graph.add("Cast", [extent], to=onnx.TensorProto.FLOAT)
    enlarged = graph.add("Mul", [places, graph.constant("factor", np.asarray(factor, np.float32))])
    step = graph.add("Div", [graph.add("Sub", [places, one]), graph.add("Sub", [enlarged, one])])
    at = graph.add("Mul", [graph.add("Range", [zero, enlarged, one]), step])
    from_place = graph.add(
        "Unsqueeze", [graph.add("Range", [zero, places, one]), graph.constant("columns", np.asarray([1]))]
    )
    distance = graph.add("Abs", [graph.add("Sub", [at, from_place])])
    return graph.add("Relu", [graph.add("Sub", [one, distance])])


def _is_bilinear(node: onnx.NodeProto, places: str) -> bool:
    return (
        node.op_type == "Resize"
        and attribute(node, "mode") == "linear"
        and attribute(node, "coordinate_transformation_mode", "half_pixel") == places
        and not attribute(node, "antialias", 0)
    )


def _is_bilinear_double(graph: Graph, node: onnx.NodeProto) -> bool:
    return (
        _is_bilinear(node, "half_pixel")
        and len(node.input) == 3
        and graph.constants[node.input[2]].tolist() == [1, 1, 2, 2]
    )


def _phases(classes: int) -> Array:
    """Weight ``(4 K, K, 3, 3)``; channel ``(2u + v) * K + k`` is row phase u, column phase v of class k."""
    line = np.asarray([[1, 3, 0], [0, 3, 1]], np.float32) / 4
    weight = np.zeros((2, 2, classes, classes, 3, 3), np.float32)
    for k in range(classes):
        weight[:, :, k, k] = np.einsum("uy,vx->uvyx", line, line)
    return weight.reshape(4 * classes, classes, 3, 3)
