"""What can be exported to. A new target is one new module and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from descale.base.errors import ConfigError
from descale.deploy.export import ncnn_target, onnx_target, openvino_target
from descale.deploy.quantize import onnx_quantizer, openvino_quantizer
from descale.evaluation.evaluate import Infer


class WriteNetwork(Protocol):
    """Writes the engine's files of an optimised ONNX model to a folder; returns their names, the one to
    open first in front."""

    def __call__(
        self, model: onnx.ModelProto, folder: Path, *, half_weights: bool = False
    ) -> tuple[str, ...]:
        """``half_weights`` stores them in 16 bits; the arithmetic stays float32."""
        ...


class QuantizeFile(Protocol):
    """Writes an INT8 copy of the engine's first file (and those beside it)."""

    def __call__(
        self, source: Path, target: Path, pictures: NDArray[np.uint8], *, keep_float: frozenset[str]
    ) -> None:
        """``keep_float`` names the layers that are not quantized."""
        ...


@dataclass(frozen=True)
class Target:
    """One format of an engine.

    Attributes:
        name: as given to ``--to``; also the engine's name in ``bundle.json``.
        write: makes the files.
        load: takes the folder and the names and returns a function that runs the network.
        quantize: makes INT8; ``None`` if that is not offered.
        packages: those whose versions belong to the record.
        avoid: rewrites of :data:`descale.deploy.graph.optimise.PASSES` that slow this engine.
    """

    name: str
    write: WriteNetwork
    load: Callable[[Path, tuple[str, ...]], Infer]
    quantize: QuantizeFile | None
    packages: tuple[str, ...]
    avoid: frozenset[str] = frozenset()


TARGETS: dict[str, Target] = {
    "onnx": Target(
        "onnx",
        onnx_target.write,
        onnx_target.load,
        onnx_quantizer.quantize,
        ("onnx", "onnxruntime"),
        frozenset({"enlarge_by_convolution", "enlarge_by_products"}),  # its own enlarging is as fast
    ),
    "openvino": Target(
        "openvino",
        openvino_target.write,
        openvino_target.load,
        openvino_quantizer.quantize,
        ("openvino", "nncf"),
        frozenset({"pad_channels"}),  # its kernels take any width, and compute what is padded
    ),
    "ncnn": Target(
        "ncnn",
        ncnn_target.write,
        ncnn_target.load,
        None,
        ("ncnn", "pnnx"),
        frozenset({"enlarge_by_convolution", "enlarge_by_products"}),  # it has a layer for it
    ),
}

LEFT_OUT = ("litert", "executorch")
"""Tried; neither can export a network that takes photos of any size."""


def find_target(name: str) -> Target:
    """The target of that name.

    Raises:
        ConfigError: there is none; lists those there are.
    """
    if name in LEFT_OUT:
        raise ConfigError(
            f"There is no export to {name} (docs/deploy.md tells why). Use one of: {', '.join(TARGETS)}."
        )
    if name not in TARGETS:
        raise ConfigError(f"Unknown export target '{name}'. Use one of: {', '.join(TARGETS)}.")
    return TARGETS[name]
