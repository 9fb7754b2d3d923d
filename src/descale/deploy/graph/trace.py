"""Trace a network at a fixed size, then make height, width and batch free again.

A trace at a fixed size has none of the shape arithmetic that a dynamic trace leaves in the graph: all
paddings, scales and sums are constants. Every input is a multiple of the stride, so these are the same
constants at every size, except where a ``Reshape`` names a height or a width. Two traces at different
sizes tell which those are; each is replaced by the shape of the value that it copies. Anything else that
differs between the two traces cannot be made free, and is an error.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxslim
import torch
from onnx import helper
from torch import Tensor, nn

from descale.base.errors import ExportError
from descale.deploy.graph.editing import Array, Graph
from descale.models import ModelSpec, Normalisation

logger = logging.getLogger(__name__)

OPSET = 18
IR_VERSION = 10  # the newest that onnxruntime 1.18 reads
INPUT, OUTPUT = "image", "logits"
_MAY_NAME_A_SIZE = {"Reshape", "Expand", "Slice", "Tile", "Pad", "Split", "Gather", "Range"}
_SIZES = ((64, 96), (160, 128))  # no height or width, at any stage, is the same in both


class PhotoInput(nn.Module):
    """uint8 RGB as a decoded photo lies in memory, ``(N, H, W, 3)`` -> logits ``(N, K, H, W)``."""

    def __init__(self, network: nn.Module, spec: ModelSpec) -> None:
        super().__init__()
        self.network = network
        self.normalise = Normalisation(spec)

    def forward(self, image: Tensor) -> Tensor:
        """Normalise and run the network."""
        pixels = image.to(torch.float32).permute(0, 3, 1, 2).contiguous()  # else pooling traces as strided
        logits: Tensor = self.network(self.normalise(pixels))
        return logits


def trace_network(network: nn.Module, spec: ModelSpec, *, quick: bool = False) -> onnx.ModelProto:
    """The network as an ONNX model with normalisation inside and free batch, height and width.

    Batch norms are folded into convolutions and dead nodes removed.

    Args:
        network: normalised float32 ``(N, 3, H, W)`` -> logits ``(N, K, H, W)``, in evaluation mode.
        spec: its normalisation.
        quick: trace with torch's older exporter: the same graph in a third of the time, for networks that
            are only timed.

    Returns:
        A model with input ``image``, uint8 ``(N, H, W, 3)``, and output ``logits``, float32
        ``(N, K, H, W)``; H and W are multiples of the network's stride.

    Raises:
        ExportError: an operation cannot be traced, or depends on the size in a way that cannot be freed.
    """
    wrapped = PhotoInput(network, spec).eval()
    graph = Graph(_trace_at(wrapped, _SIZES[0], quick=quick))
    _free_resizes(graph, _SIZES[0])
    if any(node.op_type in _MAY_NAME_A_SIZE for node in graph.nodes):
        other = Graph(_trace_at(wrapped, _SIZES[1], quick=quick))
        _free_resizes(other, _SIZES[1])
        _free_reshapes(graph, other)
    _free_interface(graph)
    return graph.to_model()


def _trace_at(module: PhotoInput, size: tuple[int, int], *, quick: bool) -> onnx.ModelProto:
    example = torch.zeros(1, *size, 3, dtype=torch.uint8)
    try:
        with _quiet(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")
            exported = _export_quickly(module, example) if quick else _export(module, example)
            _name_layers(exported, module)
            model = onnxslim.slim(exported)
    except Exception as error:  # the exporter has a family of its own
        raise ExportError(
            f"The network cannot be traced to ONNX: {_first_line(error)}. "
            "Try another encoder; U-Net, U-Net++, FPN, LinkNet and MA-Net with convolutional encoders work."
        ) from error
    model.ir_version = IR_VERSION
    return model


def _export(module: nn.Module, example: Tensor) -> onnx.ModelProto:
    program = torch.onnx.export(
        module, (example,), dynamo=True, opset_version=OPSET, input_names=[INPUT], output_names=[OUTPUT],
        verbose=False,
    )  # fmt: skip
    if program is None:
        raise RuntimeError("the exporter returned nothing")
    return program.model_proto


def _export_quickly(module: nn.Module, example: Tensor) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory(prefix="descale-trace-") as folder:
        written = Path(folder) / "network.onnx"
        torch.onnx.export(
            module, (example,), str(written), dynamo=False, opset_version=OPSET, input_names=[INPUT],
            output_names=[OUTPUT],
        )  # fmt: skip
        return onnx.load(str(written))


def _name_layers(model: onnx.ModelProto, module: PhotoInput) -> None:
    """Call every convolution, and the value that it writes, what its layer is called in the network.

    Exporters keep the order of execution, but name nodes as they like. Where a shape tells that they did not,
    names stay as they are: they are for people and for measurements by layer alone.
    """
    nodes = [node for node in model.graph.node if node.op_type in ("Conv", "ConvTranspose")]
    weights = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    layers = _convolutions_as_they_run(module.network)
    if [weights.get(node.input[1]) for node in nodes] != [tuple(one.weight.shape) for _, one in layers]:
        logger.debug("%d convolutions of the graph are not the %d of the network", len(nodes), len(layers))
        return
    written = {node.output[0]: name for node, (name, _) in zip(nodes, layers, strict=True)}
    written = {old: new for old, new in written.items() if old != OUTPUT}
    for node, (name, _) in zip(nodes, layers, strict=True):
        node.name = name
    for node in model.graph.node:
        for values in (node.input, node.output):
            for position, value in enumerate(values):
                values[position] = written.get(value, value)
    del model.graph.value_info[:]


def _convolutions_as_they_run(network: nn.Module) -> list[tuple[str, nn.Conv2d | nn.ConvTranspose2d]]:
    """Names and layers in the order of execution; a layer that runs again is called so."""
    found: list[tuple[str, nn.Conv2d | nn.ConvTranspose2d]] = []
    seen: Counter[str] = Counter()
    hooks = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):

            def record(layer: Any, given: object, out: object, name: str = name) -> None:
                seen[name] += 1
                found.append((name if seen[name] == 1 else f"{name}, run {seen[name]}", layer))

            hooks.append(module.register_forward_hook(record))
    try:
        network(torch.zeros(1, 3, *_SIZES[0]))  # on the device and in the precision that it is traced in
    finally:
        for hook in hooks:
            hook.remove()
    return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells each step of its own to everybody who listens at level INFO."""
    chatty = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in chatty]
    for logger in chatty:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(chatty, levels, strict=True):
            logger.setLevel(level)


def _free_resizes(graph: Graph, size: tuple[int, int]) -> None:
    """Let every ``Resize`` scale by a factor instead of to a size."""
    resizes = [n for n in graph.nodes if n.op_type == "Resize" and len(n.input) > 3 and n.input[3]]
    shapes = graph.shapes(size) if resizes else {}
    for node in resizes:
        source, target = shapes[node.input[0]], graph.constants[node.input[3]]
        scales = np.asarray([t / s for s, t in zip(source, target, strict=True)], np.float32)
        if any(scales % 1):
            raise ExportError(
                f"An upsampling from {source[2:]} to {tuple(target[2:])} pixels has no whole factor, so it "
                "cannot be exported for other sizes. Choose an encoder that halves its input at each stage."
            )
        del node.input[2:]
        node.input.extend([graph.constant("scales", scales)])


def _free_reshapes(graph: Graph, other: Graph) -> None:
    """Replace heights and widths in ``Reshape`` targets by the shape of the value they were copied from."""
    graph.drop_dead()
    other.drop_dead()
    if [n.op_type for n in graph.nodes] != [n.op_type for n in other.nodes]:
        raise ExportError("The network does other things at another input size, so it cannot be exported.")
    shapes = (graph.shapes(_SIZES[0]), other.shapes(_SIZES[1]))
    for node, twin in zip(list(graph.nodes), list(other.nodes), strict=True):
        for position, (name, its) in enumerate(zip(node.input, twin.input, strict=True)):
            mine, theirs = graph.constants.get(name), other.constants.get(its)
            if mine is None or theirs is None or np.array_equal(mine, theirs):
                continue
            if node.op_type != "Reshape" or position != 1:
                raise ExportError(
                    f"{node.op_type} '{node.name}' depends on the input's height or width, "
                    "so the network cannot be exported for other sizes. Take an encoder of convolutions."
                )
    twin_of = {
        name: its
        for node, twin in zip(graph.nodes, other.nodes, strict=True)
        for name, its in zip(node.output, twin.output, strict=True)
    }
    for node in [node for node in graph.nodes if node.op_type == "Reshape"]:
        twin = other.producers()[twin_of[node.output[0]]]
        mine, theirs = graph.constants[node.input[1]], other.constants[twin.input[1]]
        same_shape = [
            name
            for name, its in twin_of.items()
            if shapes[0].get(name) == tuple(mine) and shapes[1].get(its) == tuple(theirs)
        ]
        node.input[1] = _free_target(graph, node, mine, theirs, same_shape)
        for entry in [a for a in node.attribute if a.name == "allowzero"]:
            node.attribute.remove(entry)


def _free_target(
    graph: Graph, node: onnx.NodeProto, mine: Array, theirs: Array, same_shape: list[str]
) -> str:
    """Name of a target shape for ``node``, a ``Reshape``, that holds at every size and batch.

    Args:
        mine, theirs: the target in the first and in the second trace.
        same_shape: values that have the target's shape in both traces.
    """
    target = [int(value) for value in mine]
    differing = np.flatnonzero(mine != theirs)
    if target[0] == 1:
        target[0] = 0  # the batch, as it comes
    if len(differing) == 1 and -1 not in target:
        target[differing[0]] = -1
    elif len(differing):
        before = _ancestors(graph, node)
        copied = next((name for name in reversed(same_shape) if name in before), None)
        if copied is None:
            raise ExportError(
                f"Reshape '{node.name}' to {tuple(map(int, mine))} depends on the input's height and width "
                "in a way that cannot be exported for other sizes. Take an encoder of convolutions."
            )
        return graph.add("Shape", [copied])
    return graph.constant("target", np.asarray(target, np.int64))


def _ancestors(graph: Graph, node: onnx.NodeProto) -> set[str]:
    producers = graph.producers()
    found: set[str] = set()
    waiting = [node.input[0]]
    while waiting:
        name = waiting.pop()
        if name in found or name in graph.constants:
            continue
        found.add(name)
        if name in producers:
            waiting.extend(producers[name].input)
    return found


def _free_interface(graph: Graph) -> None:
    classes = graph.shapes(_SIZES[0])[graph.outputs[0].name][1]
    graph.inputs = [
        helper.make_tensor_value_info(INPUT, onnx.TensorProto.UINT8, ["N", "H", "W", 3]),
    ]
    graph.outputs = [
        helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, ["N", classes, "H", "W"]),
    ]


def _first_line(error: BaseException) -> str:
    text = str(error.__cause__ or error).strip() or type(error).__name__
    return text.splitlines()[0][:200]
