"""Milliseconds of every node of a network, by the clocks that the engines have inside."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from descale.base.errors import ConfigError
from descale.runtime.engines.onnxruntime import open_session
from descale.runtime.engines.openvino import properties
from descale.runtime.engines.signal_stack import own_signal_stack

NodeTimes = dict[tuple[str, ...], list[float]]
"""Names that a node had in the network as it was given, the most telling first -> milliseconds by run."""


class NodeClock(Protocol):
    """A network in an engine that times its nodes."""

    def run(self, picture: NDArray[np.uint8]) -> None:
        """Run one picture, uint8 (1, H, W, 3)."""
        ...

    def nodes(self) -> NodeTimes:
        """What all runs so far took. To be called once, at the end."""
        ...


class OpenVinoClock:
    """OpenVINO's performance counters."""

    def __init__(self, network: bytes, threads: int) -> None:
        """Args: a serialised ONNX model; threads."""
        import openvino

        counted = properties(threads) | {"PERF_COUNT": True}
        with own_signal_stack():
            core = openvino.Core()
            self._compiled = core.compile_model(core.read_model(network), "CPU", counted)
        self._request = self._compiled.create_infer_request()
        self._found: dict[str, list[float]] = defaultdict(list)

    def run(self, picture: NDArray[np.uint8]) -> None:
        self._request.infer([picture])
        for node in self._request.profiling_info:
            self._found[node.node_name].append(1000 * node.real_time.total_seconds())

    def nodes(self) -> NodeTimes:
        stands_for = {
            node.friendly_name: _text(node.rt_info["originalLayersNames"]).split(",")
            for node in self._compiled.get_runtime_model().get_ops()
        }
        return {
            tuple(one.strip().removesuffix("/WithoutBiases") for one in (*stands_for.get(name, ()), name)): ms
            for name, ms in self._found.items()
        }


class OnnxRuntimeClock:
    """ONNX Runtime's profile, which it writes to a file."""

    def __init__(self, network: bytes, threads: int) -> None:
        """Args: a serialised ONNX model; threads."""
        self._folder = tempfile.TemporaryDirectory(prefix="descale-profile-")
        self._session = open_session(network, threads, profile=str(Path(self._folder.name) / "profile"))
        self._input = self._session.get_inputs()[0].name

    def run(self, picture: NDArray[np.uint8]) -> None:
        self._session.run(None, {self._input: picture})

    def nodes(self) -> NodeTimes:
        written = Path(self._session.end_profiling())
        found: NodeTimes = defaultdict(list)
        for event in json.loads(written.read_text(encoding="utf-8")):
            name = event.get("name", "")
            if event.get("cat") == "Node" and name.endswith("_kernel_time"):
                node = name.removesuffix("_kernel_time").removesuffix("_nchwc").removeprefix("fused ")
                found[(node,)].append(event["dur"] / 1000)
        self._folder.cleanup()
        return dict(found)


CLOCKS: dict[str, Callable[[bytes, int], NodeClock]] = {
    "openvino": OpenVinoClock,
    "onnxruntime": OnnxRuntimeClock,
}
"""By name of the engine in :data:`descale.runtime.engines.ENGINES`."""


def open_clock(network: bytes, engine: str, threads: int) -> NodeClock:
    """A network in an engine that times its nodes.

    Raises:
        ConfigError: the engine has no such clock here.
    """
    if engine not in CLOCKS:
        raise ConfigError(f"Engine '{engine}' cannot be timed by layers. Choose of: {', '.join(CLOCKS)}.")
    return CLOCKS[engine](network, threads)


def _text(value: Any) -> str:
    return str(value.astype(str)) if hasattr(value, "astype") else str(value)
