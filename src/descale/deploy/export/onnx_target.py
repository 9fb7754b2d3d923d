"""ONNX, for ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import onnx

from descale.base.machine import usable_cores
from descale.deploy.graph import INPUT, OUTPUT, store_in_half
from descale.evaluation.evaluate import Infer
from descale.runtime.engines.onnxruntime import OnnxRuntimeEngine

FILE = "network.onnx"


def write(model: onnx.ModelProto, folder: Path, *, half_weights: bool = False) -> tuple[str, ...]:
    """Write ``network.onnx``."""
    onnx.save(store_in_half(model) if half_weights else model, folder / FILE)
    return (FILE,)


def load(folder: Path, files: tuple[str, ...]) -> Infer:
    """Run the file as `descale predict` does, with ONNX Runtime."""
    return OnnxRuntimeEngine((folder / files[0]).read_bytes(), INPUT, OUTPUT, usable_cores()).run
