"""Decide before maps are enlarged and summed, where a head of 1x1 follows that sum, as in FPN.

A 1x1 convolution and a bilinear enlarging can change places, since the weights of the latter sum to one at
every pixel, borders included, and a convolution of a sum is the sum of convolutions. So each map becomes
logits first, and a few classes are enlarged and summed instead of all channels. segmentation_models_pytorch
sums a stack, before which OpenVINO changes the layout of every map; here they are added.
"""

from __future__ import annotations

import onnx

from descale.deploy.graph.editing import Graph, attribute


def head_before_sum(graph: Graph) -> int:
    """Move a 1x1 convolution in front of the sum of a stack, and of the enlarging of what is summed."""
    consumers = graph.consumers()
    for total in graph.nodes:
        readers = consumers.get(total.output[0], [])
        maps = _summed(graph, total)
        if len(maps) < 2 or len(readers) != 1 or not _is_pointwise(graph, readers[0]):
            continue
        head = readers[0]
        graph.nodes = [node for node in graph.nodes if node is not head]
        value = _decide(graph, head, maps[0], 1)
        for number, name in enumerate(maps[1:], start=2):
            value = graph.add("Add", [value, _decide(graph, head, name, number)])
        graph.nodes[-1].output[0] = head.output[0]
        graph.nodes[-1].name = f"{head.name}, sum"
        return 1
    return 0


def _summed(graph: Graph, total: onnx.NodeProto) -> list[str]:
    """The maps that are stacked along a new first axis and summed over it; empty if it is no such sum."""
    producers = graph.producers()
    stack = producers.get(total.input[0]) if total.op_type == "ReduceSum" else None
    if stack is None or stack.op_type != "Concat" or attribute(stack, "axis") != 0:
        return []
    if attribute(total, "keepdims", 1) or not _is_first(graph, total):
        return []
    found = [producers.get(name) for name in stack.input]
    maps = [
        node.input[0] for node in found if node and node.op_type == "Unsqueeze" and _is_first(graph, node)
    ]
    return maps if len(maps) == len(found) else []


def _is_first(graph: Graph, node: onnx.NodeProto) -> bool:
    """Whether its axes, the second input, are the first one alone."""
    axes = graph.constants.get(node.input[1]) if len(node.input) > 1 else None
    return axes is not None and axes.tolist() == [0]


def _is_pointwise(graph: Graph, node: onnx.NodeProto) -> bool:
    """Whether it is a 1x1 convolution that looks at every position once."""
    return (
        node.op_type == "Conv"
        and attribute(node, "group", 1) == 1
        and graph.constants[node.input[1]].shape[2:] == (1, 1)
        and attribute(node, "strides", [1, 1]) == [1, 1]
        and not any(attribute(node, "pads", [0]))
    )


def _decide(graph: Graph, head: onnx.NodeProto, name: str, number: int) -> str:
    """The head on one of the maps, before its enlarging; the bias counts once."""
    enlarging = graph.producers().get(name)
    if enlarging is None or enlarging.op_type != "Resize" or len(graph.consumers()[name]) > 1:
        enlarging = None
    weights = head.input[1:] if number == 1 else head.input[1:2]
    logits = graph.add("Conv", [enlarging.input[0] if enlarging else name, *weights], kernel_shape=[1, 1])
    graph.nodes[-1].name = head.name if number == 1 else f"{head.name}, run {number}"
    if enlarging is None:
        return logits
    copy = onnx.NodeProto()
    copy.CopyFrom(enlarging)
    copy.input[0] = logits
    copy.output[0] = copy.name = graph.fresh("enlarged")
    graph.nodes.append(copy)
    return copy.output[0]
