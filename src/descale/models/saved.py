"""A model as a folder: ``model.safetensors`` and ``model.json``; nothing in it can execute anything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from descale import __version__
from descale.base.errors import ModelError
from descale.base.files import replacing_folder, sha256_of, write_json
from descale.models.build import build_network
from descale.models.spec import STRIDE, ModelSpec
from descale.models.widths import Widths, apply_widths, read_widths

FORMAT_VERSION = 1
WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"
OWN_CHECKSUM = "description_sha256"


@dataclass(frozen=True)
class SavedModel:
    """A network with all that is needed to use it and to know where it came from.

    Attributes:
        spec: architecture, encoder, classes, normalisation, size, threshold.
        network: in evaluation mode, on the CPU; its layers may be narrower than the architecture's.
        dense_widths: widths before any pruning.
        provenance: what made it (data hash, settings, versions, parent), JSON values only.
        metrics: scores by split, JSON values only.
    """

    spec: ModelSpec
    network: nn.Module
    dense_widths: Widths
    provenance: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def widths(self) -> Widths:
        """Widths of the layers as they are now."""
        return read_widths(self.network)


def save_model(folder: Path, model: SavedModel) -> None:
    """Write a model folder; what stood there before is replaced only when all is written.

    Raises:
        DescaleError: the folder cannot be written.
    """
    with replacing_folder(Path(folder)) as temporary:
        tensors = {k: v.detach().cpu().contiguous() for k, v in model.network.state_dict().items()}
        save_file(tensors, temporary / WEIGHTS)
        _write_description(
            temporary,
            {
                "format": "descale-model",
                "format_version": FORMAT_VERSION,
                "descale": __version__,
                **model.spec.to_json(),
                "widths": model.widths,
                "dense_widths": dict(model.dense_widths),
                "weights_sha256": sha256_of(temporary / WEIGHTS),
                "provenance": dict(model.provenance),
                "metrics": dict(model.metrics),
            },
        )


def keep_metrics(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Add scores by split to a saved model; earlier ones of the same split are replaced.

    Args:
        metrics: JSON values, such as ``{"test": summary.to_json()}``; a model card shows them.

    Raises:
        ModelError: the folder does not hold a model.
        DescaleError: it cannot be written.
    """
    description = read_description(folder)
    kept = {**description["metrics"], **metrics}
    _write_description(Path(folder), {**description, "metrics": kept})


def load_model(folder: Path) -> SavedModel:
    """Read a model folder strictly.

    Raises:
        ModelError: a file is missing, truncated or changed, of a newer format, or a tensor is missing,
            unexpected, or of the wrong shape.
    """
    folder = Path(folder)
    description = read_description(folder)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ModelError(f"{folder}: {WEIGHTS} is missing. Copy the whole model folder.")
    if sha256_of(weights) != description.get("weights_sha256"):
        raise ModelError(f"{weights} is truncated or was changed after it was saved. Copy the model again.")
    try:
        spec = ModelSpec.from_json(description)
        network = build_network(spec)
        dense_widths = read_widths(network)
        apply_widths(network, description["widths"])
        tensors = load_file(weights)
    except SafetensorError as error:
        raise ModelError(f"{weights} is not a valid safetensors file: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder / DESCRIPTION} is not valid: {error!r}") from error
    except ModelError as error:
        raise ModelError(f"{folder / DESCRIPTION}: {error}") from error
    _load_strictly(network, tensors, weights)
    network.eval()
    _try(network, spec, folder / DESCRIPTION)
    return SavedModel(spec, network, dense_widths, description["provenance"], description["metrics"])


def require_dense(model: SavedModel, place: str | Path) -> None:
    """Refuse a network that channels were removed from.

    Raises:
        ModelError: it names the place.
    """
    if model.widths != model.dense_widths:
        raise ModelError(f"{place} is already pruned; give the dense model it came from.")


def read_description(folder: Path) -> dict[str, Any]:
    """The content of ``model.json``, its format checked; no network is built.

    Raises:
        ModelError: it is missing, not JSON, not a model, of a newer format, or changed by other hands.
    """
    path = Path(folder) / DESCRIPTION
    if not path.is_file():
        raise ModelError(f"{folder} is not a model folder: {DESCRIPTION} is missing.")
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(description, allow_nan=False)  # JSON has no NaN, but Python reads one
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(description, dict) or description.get("format") != "descale-model":
        raise ModelError(f"{path} does not describe a descale model.")
    if description.get("format_version") != FORMAT_VERSION:
        raise ModelError(
            f"{path} has format version {description.get('format_version')}, this descale reads "
            f"{FORMAT_VERSION}. Update descale."
        )
    if description.get(OWN_CHECKSUM) != _checksum(description):
        raise ModelError(f"{path} was changed after it was saved. Copy the model again.")
    for key in ("provenance", "metrics"):
        if not isinstance(description.setdefault(key, {}), dict):
            raise ModelError(f"{path} is not valid: '{key}' is not an object.")
    return description


def _write_description(folder: Path, description: Mapping[str, Any]) -> None:
    write_json(folder / DESCRIPTION, {**description, OWN_CHECKSUM: _checksum(description)})


def _checksum(description: Mapping[str, Any]) -> str:
    """SHA-256 of the values, however the file is indented and ordered."""
    values = {key: value for key, value in description.items() if key != OWN_CHECKSUM}
    # as they will be read: tuples are lists then, and keys are strings
    written = json.dumps(json.loads(json.dumps(values, allow_nan=False)), sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()


def _load_strictly(network: nn.Module, tensors: dict[str, torch.Tensor], source: Path) -> None:
    wanted = network.state_dict()
    missing, unexpected = sorted(set(wanted) - set(tensors)), sorted(set(tensors) - set(wanted))
    if missing or unexpected:
        first = f"missing '{missing[0]}'" if missing else f"unexpected '{unexpected[0]}'"
        count = len(missing) + len(unexpected)
        raise ModelError(f"{source} does not fit its description: {count} tensors, first {first}.")
    for key, want in wanted.items():
        if want.shape != tensors[key].shape or want.dtype != tensors[key].dtype:
            raise ModelError(
                f"{source}: tensor '{key}' is {tensors[key].dtype}{tuple(tensors[key].shape)}, "
                f"the description needs {want.dtype}{tuple(want.shape)}."
            )
    network.load_state_dict(tensors, strict=True)


def _try(network: nn.Module, spec: ModelSpec, source: Path) -> None:
    """Run once: widths can fit every tensor and still contradict each other, or the classes."""
    try:
        with torch.no_grad():
            answer = network(torch.zeros(1, 3, 2 * STRIDE, 2 * STRIDE))
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{source}: its widths contradict each other ({reason}).") from error
    if answer.shape[1] != len(spec.classes):
        raise ModelError(
            f"{source} names {len(spec.classes)} classes, its network answers with {answer.shape[1]}."
        )
