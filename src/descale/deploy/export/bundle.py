"""Export a saved model to a bundle: optimise, write each target, check it, describe it, then keep it."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from descale.base.files import replacing_folder
from descale.deploy.export.card import write_card
from descale.deploy.export.checks import check_output, choose_targets, require_int8
from descale.deploy.export.parity import (
    MOST_PICTURES,
    Parity,
    compare,
    read_pictures,
    require_parity,
    synthetic_pictures,
)  # fmt: skip
from descale.deploy.export.record import bundle_name, export_record
from descale.deploy.export.targets import QuantizeFile, Target
from descale.deploy.export.timing import Timing, set_aside, time_networks
from descale.deploy.graph import optimise, trace_network
from descale.deploy.quantize.gate import Gate, GateSettings, quantize_until_good
from descale.deploy.quantize.pictures import QuantizationData, tell_other_data
from descale.deploy.quantize.sensitivity import LayerCost
from descale.evaluation.evaluate import Infer
from descale.models import STRIDE, SavedModel
from descale.runtime.bundle import pack_bundle, write_manifest
from descale.runtime.clock import Pace, drawn_picture
from descale.runtime.manifest import BundleManifest

logger = logging.getLogger(__name__)

CARD = "MODEL_CARD.md"


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the folder or zip file.
        parity: by target, how the float32 network differs from the torch model.
        gates: by target, what INT8 cost; empty for float32.
        timing: how long the networks take on this machine; ``None`` if that was not asked for.
    """

    path: Path
    manifest: BundleManifest
    parity: Mapping[str, Parity]
    gates: Mapping[str, Gate]
    timing: Timing | None = None


def export_model(
    model: SavedModel,
    out: Path,
    *,
    targets: Sequence[str] = ("onnx",),
    photos: Sequence[Path] = (),
    half_weights: bool = False,
    int8: QuantizationData | None = None,
    gate: GateSettings | None = None,
    note: str = "",
    pace: Pace | None = None,
) -> Exported:
    """Export to networks for one or more engines and write them as one bundle.

    Args:
        model: what to export; stays as it is.
        out: a folder to write, or a file if the name ends in ``.zip``.
        targets: names in :data:`descale.deploy.export.targets.TARGETS`; the first is opened first.
        photos: pictures to compare export and model on; where there are none, the validation photos of
            ``int8``, or made-up pictures.
        half_weights: store the weights in 16 bits, not for INT8; the arithmetic stays float32.
        int8: photos to quantize with; the bundle then holds INT8 networks instead of float32 ones.
        note: Markdown that the card ends with.
        gate: how far INT8 may fall below float32; by default 0.01 of corrosion IoU.
        pace: how long the networks, with ``int8`` those in float32 too, are timed on this machine; by
            default not at all, for those who time the bundle themselves.

    Raises:
        ConfigError: no target, an unknown one, one twice, or one that has no INT8; INT8 with weights in 16
            bits.
        ExportError: the network cannot be exported, the export decides differently than the model, or
            INT8 loses too much.
        DataError: a photo cannot be read.
    """
    chosen = choose_targets(targets)
    if int8 is not None:
        require_int8(chosen, half_weights=half_weights)
    check_output(out)
    pictures, synthetic = load_pictures(photos, int8)
    traced = trace_network(model.network, model.spec)
    graphs = {target.name: optimise(traced, target.avoid) for target in chosen}
    with tempfile.TemporaryDirectory(prefix="descale-export-") as temporary:
        folder = Path(temporary) / "bundle"
        folder.mkdir()
        parity: dict[str, Parity] = {}
        engines: dict[str, tuple[str, ...]] = {}
        for target in chosen:
            engines[target.name] = target.write(graphs[target.name], folder, half_weights=half_weights)
            infer = target.load(folder, engines[target.name])
            parity[target.name] = compare(model, infer, pictures, synthetic=synthetic)
            require_parity(parity[target.name], target.name)
            logger.debug("%s: %s", target.name, parity[target.name])
        record = export_record(
            model, graphs[chosen[0].name], chosen, parity={n: p.to_json() for n, p in parity.items()}
        )
        record["weights"] = "float16" if half_weights else "float32"
        bare, timing = describe(model, engines, {}, precision="float32"), None
        timed: dict[str, Path] = {}
        if pace is not None:
            timed["float32"] = set_aside(folder, Path(temporary) / "float32", bare)
        gates: dict[str, Gate] = {}
        if int8 is not None:
            tell_other_data(model, int8)
            gates = _quantize_all(model, graphs, folder, chosen, engines, int8, gate or GateSettings())
            record["weights"] = "int8"
            record["quantization"] = {
                "dataset": int8.name,
                "dataset_fingerprint": int8.fingerprint,
                "pictures": len(int8.calibration),
                "gates": {name: entry.to_json() for name, entry in gates.items()},
            }
            if pace is not None:
                timed["int8"] = set_aside(folder, Path(temporary) / "int8", replace(bare, precision="int8"))
        if pace is not None:
            timing = time_networks(timed, bare, size=model.spec.input_size, pace=pace)
            record["timing"] = timing.to_json()
        manifest = describe(model, engines, record, precision="int8" if int8 is not None else "float32")
        complete = save_bundle(model, folder, out, manifest, note)
    return Exported(out, complete, parity, gates, timing)


def write_untrained(model: SavedModel, out: Path, target: str, *, int8: bool = False) -> None:
    """Write a network as a bundle folder to be timed, not used: nothing is compared.

    Args:
        model: with any weights; stays as it is.
        out: folder to write.
        target: name in :data:`descale.deploy.export.targets.TARGETS`.
        int8: quantize it, all layers, by drawn pictures: their values do not matter for the time.

    Raises:
        ConfigError: the target is unknown, or has no INT8.
        ExportError: the network cannot be exported.
    """
    (chosen,) = choose_targets((target,))
    if int8:
        require_int8((chosen,))
    graph = optimise(trace_network(model.network, model.spec, quick=True), chosen.avoid)
    with tempfile.TemporaryDirectory(prefix="descale-export-") as temporary:
        folder = Path(temporary) / "float32"
        folder.mkdir()
        files = chosen.write(graph, folder)
        if int8:
            assert chosen.quantize is not None  # require_int8 saw to it
            narrow = Path(temporary) / "int8"
            narrow.mkdir()
            pictures = np.stack([drawn_picture(*model.spec.input_size)] * 2)
            chosen.quantize(folder / files[0], narrow / files[0], pictures, keep_float=frozenset())
            folder = narrow
        record = export_record(model, graph, (chosen,), parity={})
        precision = "int8" if int8 else "float32"
        save_bundle(model, folder, out, describe(model, {chosen.name: files}, record, precision=precision))


def _quantize_all(
    model: SavedModel, graphs: Mapping[str, onnx.ModelProto], folder: Path, chosen: Sequence[Target],
    engines: Mapping[str, tuple[str, ...]], data: QuantizationData, settings: GateSettings,
) -> dict[str, Gate]:  # fmt: skip
    """Replace the float32 networks in ``folder`` by INT8 networks that passed the gate."""
    gates: dict[str, Gate] = {}
    costs: tuple[LayerCost, ...] = ()
    for target in chosen:
        files, quantize = engines[target.name], target.quantize
        assert quantize is not None  # require_int8 saw to it
        float32 = target.load(folder, files)
        with tempfile.TemporaryDirectory(prefix="descale-int8-") as temporary:
            quantized = Path(temporary)

            def attempt(
                kept: frozenset[str],
                target: Target = target,
                files: tuple[str, ...] = files,
                quantize: QuantizeFile = quantize,
                quantized: Path = quantized,
            ) -> Infer:
                quantize(folder / files[0], quantized / files[0], data.calibration, keep_float=kept)
                return target.load(quantized, files)

            gates[target.name] = quantize_until_good(
                target.name, graphs[target.name], float32, attempt, data, model.spec, settings, known=costs
            )
            costs = gates[target.name].costs
            for name in files:
                (folder / name).write_bytes((quantized / name).read_bytes())
    return gates


def load_pictures(
    photos: Sequence[Path], int8: QuantizationData | None = None
) -> tuple[list[NDArray[np.uint8]], bool]:
    """What to compare on, and whether it is made up, which is logged."""
    if photos:
        return read_pictures(photos), False
    if int8 is not None:
        return list(int8.validation[:: max(1, len(int8.validation) // MOST_PICTURES)][:MOST_PICTURES]), False
    logger.warning("no photos given, so export and model are compared on synthetic pictures (--photos)")
    return synthetic_pictures(), True


def describe(
    model: SavedModel, engines: Mapping[str, tuple[str, ...]], record: Mapping[str, Any], *, precision: str
) -> BundleManifest:
    """What ``bundle.json`` says of a model, its networks and their record; checksums come last."""
    spec = model.spec
    return BundleManifest(
        name=bundle_name(model), classes=spec.classes, engines=engines, mean=spec.mean, std=spec.std,
        stride=STRIDE, threshold=spec.threshold, patch_confidence=spec.patch_confidence,
        precision=precision, provenance=record,
    )  # fmt: skip


def save_bundle(
    model: SavedModel, folder: Path, out: Path, manifest: BundleManifest, note: str = ""
) -> BundleManifest:
    """Write manifest and model card beside the networks in ``folder`` and move all of it to ``out``."""
    write_card(folder / CARD, model, manifest, sum(p.stat().st_size for p in folder.iterdir()), note)
    if out.suffix == ".zip":
        complete = write_manifest(folder, manifest)
        pack_bundle(folder, out)
        return complete
    with replacing_folder(out) as target:
        for file in folder.iterdir():
            (target / file.name).write_bytes(file.read_bytes())
        return write_manifest(target, manifest)
