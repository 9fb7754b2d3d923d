"""Pad channel counts to whole vectors, so that an engine's fast kernels apply.

Pruning leaves odd widths, and CPU engines compute convolutions on blocks of 8 channels: with any other
count they copy between layouts before and after a layer or fall back to kernels several times slower.
A padded channel has weights of zero wherever it is read, so the result is the same.

ONNX Runtime's and OpenVINO's blocks on x86-64 with AVX2 and on aarch64 hold 8 or 4 channels.
"""

from __future__ import annotations

import numpy as np
import onnx

from descale.deploy.graph.editing import Array, Graph, attribute

LANES = 8
_CHANNELWISE = {
    "Relu", "Clip", "Sigmoid", "HardSwish", "HardSigmoid", "LeakyRelu", "Tanh", "MaxPool", "AveragePool",
    "GlobalAveragePool", "Resize",
}  # fmt: skip
_BETWEEN = {"Add", "Mul"}
_SIZE = (64, 96)

Layout = Array
"""For each channel in the padded value, which channel of the original it holds, or -1."""


def pad_channels(graph: Graph) -> int:
    """Pad the outputs of convolutions to a multiple of 8 channels; returns how many grew."""
    plan = _Coupling(graph)
    layouts: dict[str, Layout] = {}
    grown = 0
    for node in graph.in_order():
        out = node.output[0]
        if node.op_type == "Concat" and out in plan.channels:
            parts, offset = [], 0
            for name in node.input:
                layout = layouts.get(name, np.arange(plan.channels[name]))
                parts.append(np.where(layout < 0, -1, layout + offset))
                offset += plan.channels[name]
            layouts[out] = np.concatenate(parts)
        elif node.op_type in ("Conv", "ConvTranspose") and out in plan.channels:
            grown += _pad_convolution(graph, node, plan, layouts)
        elif out in plan.channels:
            for name in node.input:
                if name in layouts and plan.same(name, out):
                    layouts[out] = layouts[name]
    return grown


def _pad_convolution(graph: Graph, node: onnx.NodeProto, plan: _Coupling, layouts: dict[str, Layout]) -> int:
    source, out = node.input[0], node.output[0]
    weight = graph.constants.get(node.input[1])
    if weight is None:
        return 0
    before = layouts.get(source)
    if before is None:
        before = np.arange(plan.channels[source] if source in plan.channels else weight.shape[1])
    depthwise = _is_depthwise(graph, node)
    if depthwise:
        after = before
        weight = _take(weight, after, axis=0)
        if len(after) != attribute(node, "group", 1):
            for entry in node.attribute:
                if entry.name == "group":
                    entry.i = len(after)
    elif attribute(node, "group", 1) != 1:
        return 0
    else:
        into, outof = (1, 0) if node.op_type == "Conv" else (0, 1)
        count = plan.channels[out]
        padded = -(-count // LANES) * LANES if plan.is_worth_padding(out) else count
        after = np.concatenate([np.arange(count), np.full(padded - count, -1)])
        weight = _take(_take(weight, before, axis=into), after, axis=outof)
    node.input[1] = graph.constant(node.input[1], weight)
    if len(node.input) > 2 and node.input[2]:
        node.input[2] = graph.constant(node.input[2], _take(graph.constants[node.input[2]], after, axis=0))
    layouts[out] = after
    return int(len(after) > plan.channels[out])


def _take(array: Array, layout: Layout, *, axis: int) -> Array:
    """Rearrange ``array`` along ``axis`` after ``layout``, with zeros where it says -1."""
    shape = [1] * array.ndim
    shape[axis] = len(layout)
    kept = np.take(array, np.maximum(layout, 0), axis=axis)
    return np.where((layout >= 0).reshape(shape), kept, 0).astype(array.dtype)


def _is_depthwise(graph: Graph, node: onnx.NodeProto) -> bool:
    weight = graph.constants.get(node.input[1]) if node.op_type == "Conv" else None
    return (
        weight is not None
        and attribute(node, "group", 1) == weight.shape[0]
        and weight.shape[0] > 1
        and weight.shape[1] == 1
    )


def _is_global_mean(graph: Graph, node: onnx.NodeProto) -> bool:
    if node.op_type != "ReduceMean" or not attribute(node, "keepdims", 1) or len(node.input) < 2:
        return False
    axes = graph.constants.get(node.input[1])
    return axes is not None and sorted(int(axis) % 4 for axis in axes) == [2, 3]


class _Coupling:
    """Which values must have the same channel layout, and which must keep theirs.

    Values that meet in a channel-wise operation form a class (union-find). A class is blocked when one
    of its values is read or written by an operation that names channels in a way not known here.
    """

    def __init__(self, graph: Graph) -> None:
        shapes = graph.shapes(_SIZE)
        self.channels = {
            name: shape[1]
            for name, shape in shapes.items()
            if len(shape) == 4 and name not in graph.constants
        }
        self._parent = {name: name for name in self.channels}
        self._blocked: set[str] = set()
        concats = [
            n for n in graph.nodes
            if n.op_type == "Concat" and attribute(n, "axis") in (1, -3) and n.output[0] in self.channels
        ]  # fmt: skip
        origins: list[str] = []
        for node in graph.nodes:
            values = [n for n in (*node.input, *node.output) if n in self.channels]
            if self._is_dense_convolution(graph, node) or node in concats:
                origins.append(node.output[0])
            elif self._channelwise(graph, node, values):
                for name in values[1:]:
                    self._join(values[0], name)
            else:
                self._blocked.update(values)
        self._blocked.update(name for name in graph.output_names if name in self.channels)
        self._block_mixed_concats(concats, origins)

    def same(self, first: str, second: str) -> bool:
        """Both are in one class."""
        return first in self._parent and self._root(first) == self._root(second)

    def is_worth_padding(self, name: str) -> bool:
        """The layout may change, and that pays: fewer than 8 channels have a fast kernel of their own.

        They are left as they are in concatenations too. Padded there, U-Net++ took 12.0 ms instead of 6.3.
        """
        return not self._is_blocked(name) and self.channels[name] >= LANES

    def _is_blocked(self, name: str) -> bool:
        return any(self.same(name, other) for other in self._blocked)

    def _is_dense_convolution(self, graph: Graph, node: onnx.NodeProto) -> bool:
        if node.op_type not in ("Conv", "ConvTranspose"):
            return False
        return node.input[1] in graph.constants and attribute(node, "group", 1) == 1

    def _channelwise(self, graph: Graph, node: onnx.NodeProto, values: list[str]) -> bool:
        if _is_depthwise(graph, node):
            return True
        counts = {self.channels[name] for name in values}
        if len(counts) != 1:
            return False
        if node.op_type in _BETWEEN:
            constants = [graph.constants[n] for n in node.input if n in graph.constants]
            return all(constant.size == 1 for constant in constants)
        return node.op_type in _CHANNELWISE or _is_global_mean(graph, node)

    def _block_mixed_concats(self, concats: list[onnx.NodeProto], origins: list[str]) -> None:
        """A concatenation has pads in its middle: it cannot share a class with anything else's output."""
        while True:
            found = len(self._blocked)
            for node in concats:
                out = node.output[0]
                mixed = sum(self.same(out, origin) for origin in origins) > 1
                if mixed or self._is_blocked(out):
                    self._blocked.update(n for n in (*node.input, out) if n in self.channels)
            if len(self._blocked) == found:
                return

    def _root(self, name: str) -> str:
        while self._parent[name] != name:
            self._parent[name] = self._parent[self._parent[name]]
            name = self._parent[name]
        return name

    def _join(self, first: str, second: str) -> None:
        self._parent[self._root(first)] = self._root(second)
