"""What runs the network: a registry of engines, chosen by flag or by what is installed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from descale.base.errors import BundleError, ConfigError
from descale.runtime.bundle import Bundle
from descale.runtime.engines import onnxruntime, openvino

logger = logging.getLogger(__name__)


class Engine(Protocol):
    """A loaded network. ``run`` may be called from several threads at once."""

    name: str

    def run(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits of a batch.

        Args:
            image: uint8 (N, H, W, 3), RGB, contiguous; H and W multiples of the stride.

        Returns:
            float32 (N, K, H, W); overwritten by the next call from the same thread.
        """
        ...


@dataclass(frozen=True)
class EngineKind:
    """One entry of the registry.

    Attributes:
        reads: keys of a bundle's ``engines`` that it can open, the preferred one first.
        available: whether its package is installed.
        open: ``open(bundle, files, threads, streams)``; ``streams`` runs at once share ``threads``.
        install: what to type to get it.
    """

    reads: tuple[str, ...]
    available: Callable[[], bool]
    open: Callable[[Bundle, tuple[str, ...], int, int], Engine]
    install: str


ENGINES: dict[str, EngineKind] = {  # order of preference: the faster first
    "openvino": EngineKind(
        ("openvino", "onnx"), openvino.available, openvino.open_engine, "pip install openvino"
    ),
    "onnxruntime": EngineKind(
        ("onnx",), onnxruntime.available, onnxruntime.open_engine, "pip install onnxruntime"
    ),
}


def installed_engine(engine: str, *, elsewhere: bool = False) -> str:
    """The engine to prepare a network for: the one named, or the first that is installed.

    Args:
        engine: a name, or ``auto``.
        elsewhere: whether it runs on another device, so that none is needed here.

    Raises:
        ConfigError: it is unknown or not installed.
    """
    if engine == "auto":
        return next((name for name, kind in ENGINES.items() if kind.available()), "onnxruntime")
    if engine not in ENGINES:
        raise ConfigError(f"Engine '{engine}' is unknown. Choose of: auto, {', '.join(ENGINES)}.")
    if not elsewhere and not ENGINES[engine].available():
        raise ConfigError(f"Engine '{engine}' is not installed: {ENGINES[engine].install}.")
    return engine


def choose_engine(bundle: Bundle, engine: str = "auto") -> str:
    """Name of the engine to use: the one asked for, or the first that is installed and can open the bundle.

    An INT8 network was judged in the engine that its file is for; another that can open it rounds otherwise
    and may lose more, so it is taken only if it is asked for, or nothing else is installed.

    Raises:
        ConfigError: the engine is unknown or not installed.
        BundleError: the bundle has no file for it.
    """
    if engine != "auto":
        kind = ENGINES.get(engine)
        if kind is None:
            raise ConfigError(f"engine {engine!r} is unknown. Choose one of auto, {', '.join(ENGINES)}.")
        if not kind.available():
            raise ConfigError(f"engine {engine!r} is not installed: {kind.install}.")
        _files(bundle, engine)
        return engine
    readable = [
        name for name, kind in ENGINES.items() if any(key in bundle.manifest.engines for key in kind.reads)
    ]
    if bundle.manifest.precision == "int8":
        readable.sort(key=lambda name: ENGINES[name].reads[0] not in bundle.manifest.engines)
    for name in readable:
        if ENGINES[name].available():
            return name
    if not readable:
        raise BundleError(
            f"{bundle.path}: it holds networks for {', '.join(bundle.manifest.engines)} only, and none of "
            f"{', '.join(ENGINES)} opens those. Export it with --to onnx."
        )
    raise ConfigError(f"no engine is installed: {' or '.join(ENGINES[name].install for name in readable)}.")


def open_engine(bundle: Bundle, engine: str, *, threads: int, streams: int = 1) -> Engine:
    """Load the bundle's network into the engine ``engine`` (as from :func:`choose_engine`).

    Args:
        bundle: a verified bundle.
        engine: key of :data:`ENGINES`.
        threads: that all runs together may use, 1 or more.
        streams: how many calls of ``run`` are made at once.

    Raises:
        BundleError: the network cannot be loaded, or does not fit the manifest's classes.
        ConfigError: the engine is installed, but cannot be imported.
    """
    files = _files(bundle, engine)
    try:
        return ENGINES[engine].open(bundle, files, threads, streams)
    except BundleError:
        raise
    except ImportError as error:
        others = [f"--engine {name}" for name, kind in ENGINES.items() if name != engine and kind.available()]
        raise ConfigError(
            f"Engine '{engine}' is installed but cannot be imported: {error}. Install it again, or use "
            f"{' or '.join(others) or 'another'}."
        ) from error
    except Exception as error:  # engines raise their own kinds, some derived from Exception alone
        reason = " ".join(str(error).split())[:300]
        raise BundleError(
            f"{bundle.path}: {engine} cannot load {files[0]}: {reason}. Export the bundle again."
        ) from error


def _files(bundle: Bundle, engine: str) -> tuple[str, ...]:
    for key in ENGINES[engine].reads:
        if key in bundle.manifest.engines:
            return tuple(bundle.manifest.engines[key])
    raise BundleError(
        f"{bundle.path}: it holds networks for {', '.join(bundle.manifest.engines)}, none that {engine} "
        "opens. Choose another engine, or export it with --to onnx."
    )
