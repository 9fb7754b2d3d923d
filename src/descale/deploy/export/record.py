"""What made a bundle: versions, the model it came from, its costs and scores."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import onnx

from descale import __version__
from descale.deploy.export.targets import Target
from descale.deploy.graph.traffic import values_moved
from descale.models import SavedModel, count_macs, count_parameters

COST_SIZE = (512, 512)


def bundle_name(model: SavedModel) -> str:
    """``unet-tf_efficientnet_lite0-agp-0.90``: architecture, encoder, strategy, sparsity as far as known.

    The sparsity is read from the provenance of the pruning, where there was one.
    """
    strategy = model.provenance.get("strategy") or _pruning(model).get("strategy")
    sparsity = model.provenance.get("sparsity", _pruning(model).get("sparsity"))
    known = sparsity if isinstance(sparsity, int | float) else 0.0
    return network_title(model.spec.architecture, model.spec.encoder, strategy, known)


def network_title(architecture: str, encoder: str, strategy: Any, sparsity: float) -> str:
    """The parts of a bundle's name, those that are known.

    >>> network_title("unet", "tu-tf_efficientnet_lite0", "agp", 0.9)
    'unet-tf_efficientnet_lite0-agp-0.90'
    """
    parts = [architecture, encoder.removeprefix("tu-").removeprefix("timm-")]
    if strategy:
        parts.append(str(strategy))
    if sparsity > 0:
        parts.append(f"{sparsity:.2f}")
    return "-".join(parts)


def export_record(
    model: SavedModel, graph: onnx.ModelProto, targets: Sequence[Target], *, parity: Mapping[str, Any]
) -> dict[str, Any]:
    """The ``provenance`` of ``bundle.json``; ``graph`` is what the first target was written from."""
    packages = sorted({"torch", *(name for target in targets for name in target.packages)})
    return {
        "exported": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"descale": __version__, **{name: _version(name) for name in packages}},
        "machine": f"{platform.system()} {platform.machine()}",
        "model": dict(model.provenance),
        "metrics": dict(model.metrics),
        "architecture": model.spec.architecture,
        "encoder": model.spec.encoder,
        "input_size": list(model.spec.input_size),
        "costs": {
            "parameters": count_parameters(model.network),
            "macs": count_macs(model.network, COST_SIZE),
            "values_moved": values_moved(graph, COST_SIZE),
            "macs_size": list(COST_SIZE),
        },
        "parity": dict(parity),
    }


def _pruning(model: SavedModel) -> Mapping[str, Any]:
    settings = model.provenance.get("pruning")
    return settings if isinstance(settings, Mapping) else {}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
