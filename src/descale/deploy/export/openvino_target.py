"""OpenVINO's own format, an XML file for the graph and a binary for the weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from descale.base.errors import ExportError
from descale.base.machine import usable_cores
from descale.deploy.graph import OUTPUT
from descale.evaluation.evaluate import Infer
from descale.runtime.engines.openvino import OpenVinoEngine

FILES = ("network.xml", "network.bin")


def write(model: onnx.ModelProto, folder: Path, *, half_weights: bool = False) -> tuple[str, ...]:
    """Write ``network.xml`` and ``network.bin``.

    Raises:
        ExportError: OpenVINO is not installed or cannot read the graph.
    """
    try:
        import openvino
    except ImportError as error:
        raise ExportError(
            "The target openvino needs OpenVINO: pip install 'descale[openvino]', or export --to onnx."
        ) from error
    source = folder / "network-for-openvino.onnx"
    try:
        onnx.save(model, source)
        openvino.save_model(openvino.convert_model(source), folder / FILES[0], compress_to_fp16=half_weights)
    except RuntimeError as error:
        raise ExportError(f"OpenVINO cannot convert the network: {str(error).splitlines()[0]}") from error
    finally:
        source.unlink(missing_ok=True)
    return FILES


def load(folder: Path, files: tuple[str, ...]) -> Infer:
    """Run the files as `descale predict` does, with OpenVINO."""
    network, weights = ((folder / name).read_bytes() for name in files)
    engine = OpenVinoEngine(network, weights, OUTPUT, usable_cores(), 1)

    def infer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return engine.run(np.ascontiguousarray(images)).copy()  # which the next run would overwrite

    return infer
