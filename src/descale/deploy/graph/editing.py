"""A small editable view of an ONNX model: nodes in order, constants as arrays, uses by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from descale.base.errors import ExportError

Array = NDArray[Any]
ACTIVATIONS = frozenset({"Relu", "Clip", "Sigmoid", "HardSwish", "HardSigmoid", "LeakyRelu", "Tanh"})
"""Element by element; engines compute them with the convolution before."""


class Graph:
    """An ONNX model taken apart for rewriting; :meth:`to_model` puts it together again.

    Attributes:
        nodes: in any order; sorted by :meth:`to_model`.
        constants: initializers by name.
        inputs, outputs: the model's own, as protobuf messages.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        original, model = model, onnx.ModelProto()
        model.CopyFrom(original)
        self.nodes: list[onnx.NodeProto] = list(model.graph.node)
        self.constants: dict[str, Array] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }
        self.inputs = [value for value in model.graph.input if value.name not in self.constants]
        self.outputs = list(model.graph.output)
        self._opsets = list(model.opset_import)
        self._ir_version = model.ir_version
        self._name = model.graph.name
        self._names = {name for node in self.nodes for name in (*node.input, *node.output)}
        self._names.update(self.constants)
        for node in [node for node in self.nodes if node.op_type == "Constant"]:
            self.constants[node.output[0]] = numpy_helper.to_array(attribute(node, "value"))
            self.nodes.remove(node)

    @property
    def output_names(self) -> set[str]:
        return {value.name for value in self.outputs}

    def producers(self) -> dict[str, onnx.NodeProto]:
        """The node that writes each value."""
        return {name: node for node in self.nodes for name in node.output if name}

    def consumers(self) -> dict[str, list[onnx.NodeProto]]:
        """The nodes that read each value; one that reads it twice is listed once."""
        found: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in dict.fromkeys(node.input):
                if name:
                    found[name].append(node)
        return found

    def fresh(self, hint: str) -> str:
        """A name that nothing in the graph bears yet."""
        name, number = hint, 0
        while name in self._names:
            number += 1
            name = f"{hint}_{number}"
        self._names.add(name)
        return name

    def constant(self, hint: str, value: Array) -> str:
        """Add a constant; returns its name."""
        name = self.fresh(hint)
        self.constants[name] = np.asarray(value)
        return name

    def add(self, kind: str, inputs: Iterable[str], output: str | None = None, **attributes: Any) -> str:
        """Append a node with one output; returns the output's name."""
        name = output or self.fresh(kind.lower())
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def redirect(self, old: str, new: str) -> None:
        """Let every reader of ``old`` read ``new``."""
        for node in self.nodes:
            for i, name in enumerate(node.input):
                if name == old:
                    node.input[i] = new

    def shapes(self, size: tuple[int, int]) -> dict[str, tuple[int, ...]]:
        """Shapes of all values for one image of ``size`` (height, width); unknown ones are left out.

        Raises:
            ExportError: two nodes do not agree about a shape.
        """
        model = self.to_model()
        for dimension, extent in zip(
            model.graph.input[0].type.tensor_type.shape.dim, (1, *size), strict=False
        ):
            dimension.dim_value = extent
        for value in model.graph.output:
            value.type.tensor_type.ClearField("shape")
        try:
            inferred = onnx.shape_inference.infer_shapes(model, data_prop=True, strict_mode=True).graph
        except onnx.shape_inference.InferenceError as error:
            reason = str(error).splitlines()[0].rpartition("] ")[2]
            raise ExportError(
                f"The traced network contradicts itself ({reason}), so it cannot be exported. Take an "
                "encoder of convolutions; some transformers are traced wrongly."
            ) from error
        found: dict[str, tuple[int, ...]] = {name: array.shape for name, array in self.constants.items()}
        for value in (*inferred.input, *inferred.value_info, *inferred.output):
            dimensions = value.type.tensor_type.shape.dim
            if value.type.tensor_type.HasField("shape") and all(d.HasField("dim_value") for d in dimensions):
                found[value.name] = tuple(d.dim_value for d in dimensions)
        return found

    def drop_dead(self) -> None:
        """Remove nodes and constants that no output depends on."""
        producers = self.producers()
        alive: set[int] = set()
        waiting = list(self.output_names)
        used: set[str] = set()
        while waiting:
            name = waiting.pop()
            used.add(name)
            node = producers.get(name)
            if node is not None and id(node) not in alive:
                alive.add(id(node))
                waiting.extend(i for i in node.input if i)
        self.nodes = [node for node in self.nodes if id(node) in alive]
        self.constants = {name: array for name, array in self.constants.items() if name in used}

    def to_model(self) -> onnx.ModelProto:
        """A checked model with its nodes in topological order."""
        self.drop_dead()
        initializers = [
            numpy_helper.from_array(np.ascontiguousarray(array), name)
            for name, array in self.constants.items()
        ]
        graph = helper.make_graph(
            self.in_order(), self._name, list(self.inputs), list(self.outputs), initializers
        )
        model = helper.make_model(graph, opset_imports=self._opsets, ir_version=self._ir_version)
        model.producer_name = "descale"
        onnx.checker.check_model(model)
        return model

    def in_order(self) -> list[onnx.NodeProto]:
        """The nodes, each after those it reads from."""
        ready = set(self.constants) | {value.name for value in self.inputs} | {""}
        consumers = self.consumers()
        missing = {id(node): len({i for i in node.input if i not in ready}) for node in self.nodes}
        waiting = [node for node in reversed(self.nodes) if missing[id(node)] == 0]
        ordered = []
        while waiting:
            node = waiting.pop()
            ordered.append(node)
            for name in node.output:
                for reader in consumers.get(name, []):
                    missing[id(reader)] -= 1
                    if missing[id(reader)] == 0:
                        waiting.append(reader)
        if len(ordered) != len(self.nodes):
            raise ValueError("the rewritten graph has a cycle or reads a value that nothing writes")
        return ordered


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """Value of a node's attribute; bytes are decoded."""
    for entry in node.attribute:
        if entry.name == name:
            value = helper.get_attribute_value(entry)
            return value.decode() if isinstance(value, bytes) else value
    return default


def set_attribute(node: onnx.NodeProto, name: str, value: Any) -> None:
    """Set or replace a node's attribute."""
    for i, entry in enumerate(node.attribute):
        if entry.name == name:
            del node.attribute[i]
            break
    node.attribute.append(helper.make_attribute(name, value))
