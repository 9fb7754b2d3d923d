"""What can be exported to. A new target is one new module and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx

from descale.deploy.export import onnx_target, openvino_target
from descale.deploy.export.parity import Infer
from descale.errors import ConfigError


@dataclass(frozen=True)
class Target:
    """One format of an engine.

    Attributes:
        name: as given to ``--to``; also the engine's name in ``bundle.json``.
        write: takes the optimised ONNX model and a folder; writes the engine's files there and returns
            their names, the one to open first in front.
        load: takes the folder and the names and returns a function that runs the network.
        versions: the packages whose versions belong to the record.
    """

    name: str
    write: Callable[[onnx.ModelProto, Path], tuple[str, ...]]
    load: Callable[[Path, tuple[str, ...]], Infer]
    packages: tuple[str, ...]


TARGETS: dict[str, Target] = {
    "onnx": Target("onnx", onnx_target.write, onnx_target.load, ("onnx", "onnxruntime")),
    "openvino": Target("openvino", openvino_target.write, openvino_target.load, ("openvino",)),
}


def find_target(name: str) -> Target:
    """The target of that name.

    Raises:
        ConfigError: there is none; lists those there are.
    """
    if name not in TARGETS:
        raise ConfigError(f"Unknown export target '{name}'. Use one of: {', '.join(TARGETS)}.")
    return TARGETS[name]
