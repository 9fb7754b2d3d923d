"""Enlarge logits by a convolution where an engine's own bilinear enlarging is slow.

Enlarged by 2, every pixel of an output is a sum of at most four of the input with weights 1/16, 3/16 and
9/16, the same ones for each of the four pixels that a position becomes (pixels lie by their centres). That is
a convolution whose four phases ``DepthToSpace`` puts side by side; outside of the picture its border goes on.
"""

from __future__ import annotations

import numpy as np
import onnx

from descale.deploy.graph.editing import Array, Graph, attribute

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
    phases = graph.add("Conv", [padded, weight], kernel_shape=[3, 3])
    graph.nodes = [other for other in graph.nodes if other is not node]
    graph.add("DepthToSpace", [phases], node.output[0], blocksize=2, mode="DCR")
    return 1


def _is_bilinear_double(graph: Graph, node: onnx.NodeProto) -> bool:
    return (
        node.op_type == "Resize"
        and attribute(node, "mode") == "linear"
        and attribute(node, "coordinate_transformation_mode", "half_pixel") == "half_pixel"
        and not attribute(node, "antialias", 0)
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
