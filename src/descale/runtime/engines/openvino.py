"""OpenVINO on the CPU."""

from __future__ import annotations

import importlib.util
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.runtime.bundle import Bundle
from descale.runtime.engines.checks import check_network
from descale.runtime.engines.signal_stack import own_signal_stack

SMALLEST_INT8 = 96
"""A picture of less area than a square of this side is padded to it on both sides, for a network in INT8. On
CPUs with AMX OpenVINO 2026.4.1 ends the whole process (SIGSEGV) where a network of odd widths gets about
64x64 pixels or fewer, also 32x128."""


def available() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec("openvino") is not None


def properties(threads: int, streams: int = 1) -> dict[str, object]:
    """How networks are compiled for the CPU."""
    return {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": streams,
        "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
        # Channels that are nearly dead give denormal floats, on which a CPU is much slower.
        "CPU_DENORMALS_OPTIMIZATION": True,
        # Else CPUs with bfloat16 would silently compute in it, which no export check has seen.
        "INFERENCE_PRECISION_HINT": "f32",
    }


class OpenVinoEngine:
    """One compiled model with one request per thread."""

    name = "openvino"

    def __init__(self, network: bytes, weights: bytes, output_name: str, threads: int, streams: int) -> None:
        """Args: an XML and its weights, or a serialised ONNX model; threads are shared by the streams."""
        import openvino

        self._openvino = openvino
        with own_signal_stack():
            core = openvino.Core()
            self.model = core.read_model(network, weights) if weights else core.read_model(network)
            self._compiled = core.compile_model(self.model, "CPU", properties(threads, streams))
        quantized = any(node.get_type_name() == "FakeQuantize" for node in self.model.get_ops())
        self._smallest = SMALLEST_INT8 if quantized else 0
        self._output = output_name
        self._local = threading.local()

    def run(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        request: Any = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._compiled.create_infer_request()
        height, width = image.shape[1:3]
        if height * width < self._smallest**2:
            down, right = (max(0, self._smallest - side) for side in (height, width))
            image = np.pad(image, [(0, 0), (0, down), (0, right), (0, 0)], mode="edge")
        request.set_input_tensor(self._openvino.Tensor(image, shared_memory=True))
        request.infer()
        logits: NDArray[np.float32] = request.get_tensor(self._output).data
        return logits[:, :, :height, :width]


def open_engine(bundle: Bundle, files: tuple[str, ...], threads: int, streams: int) -> OpenVinoEngine:
    """Load an OpenVINO model (``.xml`` and ``.bin``) or an ONNX model."""
    weights = bundle.read(files[1]) if len(files) > 1 else b""
    engine = OpenVinoEngine(bundle.read(files[0]), weights, bundle.manifest.output, threads, streams)
    check_network(
        bundle,
        inputs={_name(p): (p.element_type.type_name, _shape(p)) for p in engine.model.inputs},
        outputs={_name(p): _shape(p) for p in engine.model.outputs},
    )
    return engine


def _name(port: Any) -> str:
    return str(port.any_name)


def _shape(port: Any) -> list[object]:
    return [d.get_length() if d.is_static else "dynamic" for d in port.partial_shape]
