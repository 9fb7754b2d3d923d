"""Compute what follows the last upsampling at half its resolution, four pixels per position.

The last block of a decoder works on few channels at full resolution, where a CPU waits for memory and
fills only part of its vectors. A value of C channels at (2h, 2w) is the same numbers as 4C channels at
(h, w): channel ``(2u + v) * C + c`` holds the pixels of row phase u and column phase v. Convolutions of
stride 1 become convolutions of stride 1 on that form, exactly, borders included; an upsampling by
nearest neighbour or a transposed convolution of stride 2 in front is absorbed. ``DepthToSpace`` puts
the pixels back (Shi et al. 2016, arXiv 1609.05158, there for learned upsampling) where that costs least:
after the absorbed layer alone, at the end, or anywhere between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx

from descale.deploy.graph.editing import ACTIVATIONS, Array, Graph, attribute
from descale.deploy.graph.lanes import LANES

_VALUE_COST = 12.0  # writing and reading one value costs about as much as this many multiply-accumulates


@dataclass(frozen=True)
class _Region:
    """A chain from an upsampling by 2 to the network's output."""

    entry: onnx.NodeProto
    nodes: tuple[onnx.NodeProto, ...]


def fold_last_upsampling(graph: Graph) -> int:
    """Rewrite the chain after the last upsampling, as far as that lowers its estimated cost."""
    region = _find_region(graph)
    if region is None:
        return 0
    length = min(range(len(region.nodes) + 1), key=lambda count: _cost(graph, region, count))
    # an activation costs the same before and after; before, engines fuse it with the convolution
    while 0 < length < len(region.nodes) and region.nodes[length].op_type in ACTIVATIONS:
        length += 1
    if length == 0:
        return 0
    value = region.entry.input[0]
    nodes = list(region.nodes[:length])
    if region.entry.op_type == "ConvTranspose":
        value = _convolve(graph, region.entry, _transposed_weight(graph, region.entry), value)
    else:
        value = _convolve(graph, nodes[0], _upsampled_weight(graph, nodes[0]), value)
        nodes = nodes[1:]
    for node in nodes:
        if node.op_type == "Conv":
            value = _convolve(graph, node, _phase_weight(graph.constants[node.input[1]]), value)
        else:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.input[0] = value
            value = copy.output[0] = copy.name = graph.fresh(f"{node.output[0]}_phases")
            graph.nodes.append(copy)
    last = region.nodes[length - 1]
    graph.nodes = [node for node in graph.nodes if node is not last]
    graph.add("DepthToSpace", [value], last.output[0], blocksize=2, mode="DCR")
    return 1


def _find_region(graph: Graph) -> _Region | None:
    """The chain of convolutions of stride 1 and activations that leads from an upsampling to the output."""
    producers, consumers = graph.producers(), graph.consumers()
    chain: list[onnx.NodeProto] = []
    name = graph.outputs[0].name
    while name in producers:
        node = producers[name]
        if chain and len(consumers[name]) != 1:
            return None
        if _is_double_resize(graph, node):
            first_is_conv = bool(chain) and chain[0].op_type == "Conv"
            return _Region(node, tuple(chain)) if first_is_conv else None
        if _is_double_transposed(graph, node):
            return _Region(node, tuple(chain)) if chain else None
        scalars_only = all(graph.constants[i].size == 1 for i in node.input[1:] if i in graph.constants)
        if not _is_plain_convolution(graph, node) and not (node.op_type in ACTIVATIONS and scalars_only):
            return None
        chain.insert(0, node)
        name = node.input[0]
    return None


def _is_double_resize(graph: Graph, node: onnx.NodeProto) -> bool:
    return (
        node.op_type == "Resize"
        and attribute(node, "mode") == "nearest"
        and attribute(node, "coordinate_transformation_mode") == "asymmetric"
        and attribute(node, "nearest_mode") == "floor"
        and len(node.input) == 3
        and graph.constants[node.input[2]].tolist() == [1, 1, 2, 2]
    )


def _is_double_transposed(graph: Graph, node: onnx.NodeProto) -> bool:
    return (
        node.op_type == "ConvTranspose"
        and node.input[1] in graph.constants
        and attribute(node, "group", 1) == 1
        and list(attribute(node, "strides", [])) == [2, 2]
        and list(attribute(node, "dilations", [1, 1])) == [1, 1]
        and not any(attribute(node, "output_padding", [0, 0]))
        and graph.constants[node.input[1]].shape[2:] == (4, 4)
        and list(attribute(node, "pads", [])) == [1, 1, 1, 1]
    )


def _is_plain_convolution(graph: Graph, node: onnx.NodeProto) -> bool:
    """Whether a node is a convolution of stride 1 with a constant odd kernel that keeps the size."""
    if node.op_type != "Conv" or node.input[1] not in graph.constants:
        return False
    kernel = graph.constants[node.input[1]].shape[2:]
    pads = [k // 2 for k in kernel] * 2
    return (
        attribute(node, "group", 1) == 1
        and all(k % 2 for k in kernel)
        and list(attribute(node, "strides", [1, 1])) == [1, 1]
        and list(attribute(node, "dilations", [1, 1])) == [1, 1]
        and list(attribute(node, "pads", [0, 0, 0, 0])) == pads
        and attribute(node, "auto_pad", "NOTSET") == "NOTSET"
    )


def _convolve(graph: Graph, node: onnx.NodeProto, weight: Array, value: str) -> str:
    """Add a convolution with the bias of ``node`` for every phase; keeps the size."""
    inputs = [value, graph.constant(f"{node.input[1]}_phases", weight)]
    if len(node.input) > 2 and node.input[2]:
        inputs.append(graph.constant(f"{node.input[2]}_phases", np.tile(graph.constants[node.input[2]], 4)))
    pads = [side // 2 for side in weight.shape[2:]] * 2
    value = graph.add("Conv", inputs, kernel_shape=list(weight.shape[2:]), pads=pads)
    graph.nodes[-1].name = node.name
    return value


def _phase_weight(weight: Array) -> Array:
    """``(O, I, k, k)`` at full resolution -> ``(4 O, 4 I, k', k')`` at half."""
    outs, ins, height, width = weight.shape
    reach = ((height // 2 + 1) // 2, (width // 2 + 1) // 2)
    folded = np.zeros((2, 2, outs, 2, 2, ins, 2 * reach[0] + 1, 2 * reach[1] + 1), weight.dtype)
    for u, v, dy, dx in np.ndindex(2, 2, height, width):
        row, column = u + dy - height // 2, v + dx - width // 2
        folded[u, v, :, row % 2, column % 2, :, row // 2 + reach[0], column // 2 + reach[1]] += weight[
            :, :, dy, dx
        ]
    return folded.reshape(4 * outs, 4 * ins, *folded.shape[-2:])


def _upsampled_weight(graph: Graph, node: onnx.NodeProto) -> Array:
    """Weight of upsampling by nearest neighbour and ``node``: ``(4 O, I, k', k')``."""
    weight = graph.constants[node.input[1]]
    folded = _phase_weight(weight)
    # Before the upsampling all four phases of a position are the same value, so their weights add up.
    summed: Array = folded.reshape(folded.shape[0], 4, weight.shape[1], *folded.shape[2:]).sum(axis=1)
    return summed


def _transposed_weight(graph: Graph, node: onnx.NodeProto) -> Array:
    """Weight of a transposed convolution (kernel 4, stride 2, padding 1): ``(4 O, I, 3, 3)``."""
    weight = graph.constants[node.input[1]]
    ins, outs = weight.shape[:2]
    folded = np.zeros((2, 2, outs, ins, 3, 3), weight.dtype)
    for u, v, row, column in np.ndindex(2, 2, 3, 3):
        ky, kx = u + 1 - 2 * (row - 1), v + 1 - 2 * (column - 1)
        if 0 <= ky < 4 and 0 <= kx < 4:
            folded[u, v, :, :, row, column] = weight[:, :, ky, kx].T
    return folded.reshape(4 * outs, ins, 3, 3)


def _whole_vectors(channels: int) -> int:
    """Channels that are computed where ``channels`` are asked for."""
    return -(-channels // LANES) * LANES


def _cost(graph: Graph, region: _Region, length: int) -> float:
    """Multiply-accumulates (on whole vectors) and memory traffic per position at half resolution, with the
    first ``length`` nodes in phases."""
    total, width = 0.0, 0
    if region.entry.op_type == "ConvTranspose":
        weight = graph.constants[region.entry.input[1]]
        ins, width = weight.shape[:2]
        if length:
            total += 9 * ins * _whole_vectors(4 * width) + _VALUE_COST * _whole_vectors(4 * width)
        else:
            total += 2.0 * math.prod(weight.shape)  # its kernels are slow: a product, then a scattered sum
    for index, node in enumerate(region.nodes):
        if node.op_type == "Conv":
            outs, ins, height, side = graph.constants[node.input[1]].shape
            if index < length:
                reach = (2 * ((height // 2 + 1) // 2) + 1) * (2 * ((side // 2 + 1) // 2) + 1)
                first = region.entry.op_type == "Resize" and index == 0
                into, count, positions = ins if first else 4 * ins, 4 * outs, 1
                width = outs
            else:
                reach, into, count, positions = height * side, ins, outs, 4
            count = _whole_vectors(count)
            total += positions * (reach * into * count + _VALUE_COST * (count + _whole_vectors(into)))
    return total + 3 * _VALUE_COST * 4 * width if length else total  # putting the pixels back
