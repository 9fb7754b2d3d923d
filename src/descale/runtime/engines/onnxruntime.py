"""ONNX Runtime on the CPU."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.runtime.bundle import Bundle
from descale.runtime.engines.checks import check_network


def available() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec("onnxruntime") is not None


def open_session(network: bytes, threads: int, profile: str = "") -> Any:
    """An ``InferenceSession`` of a serialised ONNX model; ``profile`` is how the name of a file begins that
    times of its nodes are written to."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Channels that are nearly dead give denormal floats, on which a CPU is a hundred times slower.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    # A waiting thread that spins takes the core from the one that decodes the next photo.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])


class OnnxRuntimeEngine:
    """One session; several threads may run it at once."""

    name = "onnxruntime"

    def __init__(self, network: bytes, input_name: str, output_name: str, threads: int) -> None:
        """Args: a serialised ONNX model, its input and output, threads for one run."""
        self.session = open_session(network, threads)
        self._input = input_name
        self._output = [output_name]

    def run(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = self.session.run(self._output, {self._input: image})[0]
        return logits


def open_engine(bundle: Bundle, files: tuple[str, ...], threads: int, streams: int) -> OnnxRuntimeEngine:
    """Load ``files[0]``; ``streams`` runs at once get ``threads // streams`` threads each."""
    manifest = bundle.manifest
    engine = OnnxRuntimeEngine(
        bundle.read(files[0]), manifest.input, manifest.output, max(1, threads // streams)
    )
    check_network(
        bundle,
        inputs={
            i.name: (i.type.removeprefix("tensor(").removesuffix(")"), i.shape)
            for i in engine.session.get_inputs()
        },
        outputs={o.name: o.shape for o in engine.session.get_outputs()},
    )
    return engine
