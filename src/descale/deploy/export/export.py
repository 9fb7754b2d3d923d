"""Export a saved model to a bundle: optimise, write each target, check it, describe it, then keep it."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from descale.deploy.export.card import write_card
from descale.deploy.export.parity import (
    Parity,
    compare,
    read_pictures,
    require_parity,
    synthetic_pictures,
)  # fmt: skip
from descale.deploy.export.record import bundle_name, export_record
from descale.deploy.export.targets import Target, find_target
from descale.deploy.graph import optimise, trace_network
from descale.errors import ConfigError, ExportError
from descale.files import replacing_folder
from descale.models import STRIDE, SavedModel
from descale.runtime.bundle import MANIFEST, BundleManifest, pack_bundle, write_manifest
from descale.runtime.photo import PHOTO_SUFFIXES

logger = logging.getLogger(__name__)

CARD = "MODEL_CARD.md"


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the folder or zip file.
        parity: by target, how the float32 network differs from the torch model.
    """

    path: Path
    manifest: BundleManifest
    parity: Mapping[str, Parity]


def export_model(
    model: SavedModel, out: Path, *, targets: Sequence[str] = ("onnx",), photos: Sequence[Path] = ()
) -> Exported:
    """Export to float32 networks for one or more engines and write them as one bundle.

    Args:
        model: what to export; stays as it is.
        out: a folder to write, or a file if the name ends in ``.zip``.
        targets: names in :data:`descale.deploy.export.targets.TARGETS`; the first is opened first.
        photos: pictures to compare export and model on; made-up ones are used where there are none.

    Raises:
        ConfigError: no target, an unknown one, or one twice.
        ExportError: the network cannot be exported, or the export decides differently than the model.
        DataError: a photo cannot be read.
    """
    chosen = choose_targets(targets)
    check_output(out)
    pictures = load_pictures(photos)
    graph = traced_graph(model)
    with tempfile.TemporaryDirectory(prefix="descale-export-") as temporary:
        folder = Path(temporary)
        parity: dict[str, Parity] = {}
        engines: dict[str, tuple[str, ...]] = {}
        for target in chosen:
            engines[target.name] = target.write(graph, folder)
            infer = target.load(folder, engines[target.name])
            parity[target.name] = compare(model, infer, pictures, synthetic=not photos)
            require_parity(parity[target.name], target.name)
            logger.info("%s: %s", target.name, parity[target.name])
        record = export_record(model, chosen, parity={n: p.to_json() for n, p in parity.items()})
        manifest = save_bundle(model, folder, out, engines, record, precision="float32")
    return Exported(out, manifest, parity)


def traced_graph(model: SavedModel) -> onnx.ModelProto:
    """The optimised ONNX graph of a model, from which every target is written."""
    return optimise(trace_network(model.network, model.spec.mean, model.spec.std))


def choose_targets(names: Sequence[str]) -> tuple[Target, ...]:
    """Targets by name.

    Raises:
        ConfigError: none is given, one is unknown, or one is given twice.
    """
    if not names:
        raise ConfigError("Nothing to export to: give at least one target, such as --to onnx.")
    if len(set(names)) != len(names):
        raise ConfigError(f"A target is given twice: {', '.join(names)}. Give each once.")
    return tuple(find_target(name) for name in names)


def check_output(out: Path) -> None:
    """Refuse to replace what is not a bundle, before the work starts.

    Raises:
        ExportError: something else stands there.
    """
    if out.suffix == ".zip":
        if out.is_dir():
            raise ExportError(f"{out} is a folder. Give another name for the zip file.")
    elif out.is_file():
        raise ExportError(f"{out} is a file. Give a folder, or a name that ends in .zip.")
    elif out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).exists():
        raise ExportError(f"{out} holds other things than a bundle. Give a new or an empty folder.")


def find_photos(sources: Sequence[Path]) -> tuple[Path, ...]:
    """Photos by file or by folder (searched through), sorted.

    Raises:
        ExportError: a path does not exist or a folder holds no photo.
    """
    found: list[Path] = []
    for source in sources:
        if source.is_file():
            found.append(source)
            continue
        if not source.is_dir():
            raise ExportError(f"{source}: no such photo or folder.")
        here = sorted(p for p in source.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES)
        if not here:
            raise ExportError(f"{source} holds no photo ({', '.join(sorted(PHOTO_SUFFIXES))}).")
        found.extend(here)
    return tuple(found)


def load_pictures(photos: Sequence[Path]) -> list[NDArray[np.uint8]]:
    """The photos to compare on, or made-up pictures, which is logged."""
    if photos:
        return read_pictures(photos)
    logger.warning("no photos given, so export and model are compared on synthetic pictures (--photos)")
    return synthetic_pictures()


def save_bundle(
    model: SavedModel, folder: Path, out: Path, engines: Mapping[str, tuple[str, ...]],
    record: Mapping[str, Any], *, precision: str,
) -> BundleManifest:  # fmt: skip
    """Write manifest and model card beside the networks in ``folder`` and move all of it to ``out``."""
    spec = model.spec
    manifest = BundleManifest(
        name=bundle_name(model), classes=spec.classes, engines=engines, mean=spec.mean, std=spec.std,
        stride=STRIDE, threshold=spec.threshold, precision=precision, provenance=record,
    )  # fmt: skip
    write_card(folder / CARD, model, manifest, sum(p.stat().st_size for p in folder.iterdir()))
    if out.suffix == ".zip":
        complete = write_manifest(folder, manifest)
        pack_bundle(folder, out)
        return complete
    with replacing_folder(out) as target:
        for file in folder.iterdir():
            (target / file.name).write_bytes(file.read_bytes())
        return write_manifest(target, manifest)
