"""From bundles to contestants: every engine that is installed and opens the bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from descale.base.errors import ConfigError
from descale.runtime.bundle import Bundle, open_bundle
from descale.runtime.engines import ENGINES
from descale.stopwatch.measure import Contestant

BUNDLE_WORKER = "descale.stopwatch.worker"


def bundle_contestants(
    paths: Sequence[Path], *, size: tuple[int, int], engines: Sequence[str] = ()
) -> list[Contestant]:
    """Contestants of all bundles.

    Args:
        size: (height, width) of the picture, to scale the costs that the bundles state.
        engines: names in :data:`descale.runtime.engines.ENGINES`; every installed one if empty.

    Raises:
        BundleError: a bundle cannot be opened.
        ConfigError: an engine is unknown or not installed, or none opens a bundle.
    """
    for name in engines:
        if name not in ENGINES:
            raise ConfigError(f"Engine '{name}' is unknown. Choose of: {', '.join(ENGINES)}.")
        if not ENGINES[name].available():
            raise ConfigError(f"Engine '{name}' is not installed: {ENGINES[name].install}.")
    found: list[Contestant] = []
    for path in paths:
        bundle = open_bundle(path)
        able = [
            name
            for name, kind in ENGINES.items()
            if (not engines or name in engines)
            and kind.available()
            and any(key in bundle.manifest.engines for key in kind.reads)
        ]
        if not able:
            raise ConfigError(
                f"{path}: no engine to measure it with. It holds networks for "
                f"{', '.join(bundle.manifest.engines)}."
            )
        found.extend(_contestant(bundle, engine, size) for engine in able)
    return found


def _contestant(bundle: Bundle, engine: str, size: tuple[int, int]) -> Contestant:
    costs = bundle.manifest.provenance.get("costs", {})
    stated = costs.get("macs_size", [1, 1])
    scale = size[0] * size[1] / (stated[0] * stated[1])
    weights = costs.get("parameters", 0) if "values_moved" in costs else 0  # as many for any picture
    width = 1 if bundle.manifest.precision == "int8" else 4
    return Contestant(
        name=bundle.manifest.name,
        worker=BUNDLE_WORKER,
        path=bundle.path,
        engine=engine,
        precision=bundle.manifest.precision,
        bytes_on_disk=_network_bytes(bundle, engine),
        macs=costs.get("macs", 0) * scale,
        moved=((costs.get("values_moved", 0) - weights) * scale + weights) * width,
    )


def _network_bytes(bundle: Bundle, engine: str) -> int:
    key = next(key for key in ENGINES[engine].reads if key in bundle.manifest.engines)
    return sum(len(bundle.read(name)) for name in bundle.manifest.engines[key])
