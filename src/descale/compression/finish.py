"""The last stage: score on photos nothing was chosen by, export, quantize where it pays, time the bundle."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from descale.base.errors import ConfigError, ExportError
from descale.base.machine import usable_cores
from descale.compression.candidates import Candidate
from descale.compression.journal import Journal
from descale.compression.request import Request
from descale.compression.result import Final
from descale.data import Dataset
from descale.deploy.export.bundle import export_model
from descale.deploy.quantize.pictures import load_quantization_data
from descale.evaluation.bootstrap import paired_drop
from descale.evaluation.evaluate import image_confusions
from descale.evaluation.summary import summarise
from descale.models import SavedModel, keep_metrics, load_model
from descale.runtime.bundle import open_bundle
from descale.runtime.engines import open_engine
from descale.stopwatch.contestants import bundle_contestants
from descale.stopwatch.measure import measure
from descale.training.config import DeviceConfig
from descale.training.devices import find_device

ROUNDS, RUNS = 3, 15
FASTER = 0.95
"""INT8 is taken on its own account where it needs at most this share of the time of float32."""
COMPARED_ON = 8
"""Photos on which the export is compared with the model."""


@dataclass(frozen=True)
class Finished:
    """The final network and its bundle.

    Attributes:
        final: scores and costs.
        bundle: in the work folder.
    """

    final: Final
    bundle: Path


def finish(
    candidate: Candidate,
    made: Path,
    dense: SavedModel,
    dataset: Dataset,
    source: str | Path,
    request: Request,
    folder: Path,
    devices: DeviceConfig,
    *,
    journal: Journal,
    elsewhere: bool,
) -> Finished:
    """Score, export and time a network.

    Args:
        candidate: what it is.
        made: its model folder; its scores are kept there for the card.
        dense: the best dense network.
        dataset: photos and labels.
        source: the data set's own name, for INT8.
        request: what was asked for.
        folder: for bundles.
        devices: where networks are scored.
        journal: keeps the times, which would be others after a restart.
        elsewhere: whether it will run on another device, so that timing it here says nothing.

    Raises:
        ExportError: it cannot be exported.
    """
    split = "test" if dataset.split("test") else "valid"
    names = tuple(dict.fromkeys(("valid", split)))
    model = load_model(made)
    device = find_device(devices)
    confusions = {name: image_confusions(model, dataset.split(name), device=device) for name in names}
    against = {name: image_confusions(dense, dataset.split(name), device=device) for name in names}
    summaries = {name: summarise(found, dataset.classes) for name, found in confusions.items()}
    keep_metrics(made, {name: summary.to_json() for name, summary in summaries.items()})
    notes: list[str] = []
    bundles, refused = _exported(made, dataset, source, request, folder, notes)
    if refused and not request.int8:
        notes.append(f"INT8 was left out: {refused}")
    times = dict.fromkeys(bundles, candidate.costs.ms)
    if elsewhere and request.int8 and refused:
        times = dict.fromkeys(bundles, math.nan)  # what was timed there is INT8
    if not elsewhere:
        times = journal.once(
            f"finished {candidate.name} {'+'.join(bundles)}", lambda: _timed(bundles, candidate.side, request)
        )
    precision = _better(bundles, times, request, notes, elsewhere=elsewhere)
    if len(bundles) > 1:
        told = ", ".join(
            f"{name} {times[name]:.1f} ms, {_megabytes(bundles[name]):.2f} MB" for name in bundles
        )
        notes.append(f"{told}{' (predicted)' if elsewhere else ''}.")
    if precision == "int8":
        before = summaries[split].intervals["iou_corrosion"].estimate
        engine = open_engine(open_bundle(bundles["int8"]), request.engine, threads=usable_cores())
        confusions = {
            name: image_confusions(model, dataset.split(name), batch_size=1, infer=engine.run)
            for name in names
        }
        summaries = {name: summarise(found, dataset.classes) for name, found in confusions.items()}
        notes.append(f"Scores are of the INT8 network; in float32 it has {before:.3f} on the same photos.")
    drops = {
        name: paired_drop([against[name]], [found], dataset.classes).interval
        for name, found in confusions.items()
    }
    final = Final(
        candidate, made, split, summaries[split].intervals["iou_corrosion"], drops[split], precision,
        times[precision], _megabytes(bundles[precision]), drops["valid"].estimate,
        summaries[split].collapse.reasons, summaries["valid"].collapse.reasons,
        refused if request.int8 else "", tuple(notes),
    )  # fmt: skip
    return Finished(final, bundles[precision])


def _exported(
    made: Path, dataset: Dataset, source: str | Path, request: Request, folder: Path, notes: list[str]
) -> tuple[dict[str, Path], str]:
    """Bundles by precision, and why there is none of INT8 where its gate refuses it."""
    model = load_model(made)  # anew, with the scores that were just kept, which go into the card
    photos = [sample.image for sample in dataset.split("valid")][:COMPARED_ON]
    found = {"float32": folder / made.parent.name / "float32.zip"}
    shutil.rmtree(found["float32"].parent, ignore_errors=True)
    try:
        export_model(
            model, found["float32"], targets=(request.target,), photos=photos,
            half_weights=request.limits.half_weights,
        )  # fmt: skip
    except ExportError as error:
        if not request.limits.half_weights:
            raise
        notes.append(f"Weights are stored in 32 bits, twice the size that was expected: {error}")
        export_model(model, found["float32"], targets=(request.target,), photos=photos)
    if request.int8 is False:
        return found, ""
    quantized = folder / made.parent.name / "int8.zip"
    try:
        data = load_quantization_data(source, model.spec)
        export_model(model, quantized, targets=(request.target,), photos=photos, int8=data)
    except (ExportError, ConfigError, ModuleNotFoundError) as error:
        return found, str(error)
    found["int8"] = quantized
    return found, ""


def _timed(bundles: dict[str, Path], side: tuple[int, int], request: Request) -> dict[str, float]:
    contestants = [
        replace(bundle_contestants([path], size=side, engines=[request.engine])[0], name=name)
        for name, path in bundles.items()
    ]
    measured = measure(contestants, size=side, threads=request.threads, rounds=ROUNDS, runs=RUNS)
    return {one.contestant.name: 1000 * one.percentile("inference", 50) for one in measured}


def _better(
    bundles: dict[str, Path],
    times: dict[str, float],
    request: Request,
    notes: list[str],
    *,
    elsewhere: bool,
) -> str:
    """The precision to take: INT8 where it was demanded, is faster, or is what keeps size or time."""
    if "int8" not in bundles:
        return "float32"
    if request.int8:
        return "int8"
    too_large = request.limits.mb is not None and _megabytes(bundles["float32"]) > request.limits.mb
    limit = request.limits.ms
    too_slow = not elsewhere and limit is not None and times["float32"] > limit >= times["int8"]
    if too_large or too_slow or times["int8"] <= FASTER * times["float32"]:
        return "int8"
    why = "was not timed on the device" if elsewhere else f"is not faster in {request.engine} on this machine"
    notes.append(f"INT8 {why} and was left out; --int8 takes it all the same.")
    return "float32"


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6
