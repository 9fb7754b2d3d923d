"""ONNX, for ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from descale.deploy.export.parity import Infer
from descale.deploy.graph import INPUT, OUTPUT

FILE = "network.onnx"


def write(model: onnx.ModelProto, folder: Path) -> tuple[str, ...]:
    """Write ``network.onnx``."""
    onnx.save(model, folder / FILE)
    return (FILE,)


def load(folder: Path, files: tuple[str, ...]) -> Infer:
    """Run the file with ONNX Runtime on the CPU."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    session = onnxruntime.InferenceSession(
        str(folder / files[0]), options, providers=["CPUExecutionProvider"]
    )

    def infer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        (logits,) = session.run([OUTPUT], {INPUT: images})
        found: NDArray[np.float32] = logits
        return found

    return infer
