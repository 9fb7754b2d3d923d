"""Latency of dense and pruned models, side by side, as one dated CSV.

    python benchmarks/latency/run.py --study DIR --calibrate DATA --out benchmarks/latency/latency.csv
    python benchmarks/latency/run.py --models DENSE PRUNED... --out benchmarks/latency/latency.csv

For each architecture the dense model runs in PyTorch eager, and dense and pruned models run in ONNX Runtime
and OpenVINO, in turns within one session, so that the ratios are of the same minutes. --study takes from a
study folder every finished trial at --sparsity (lowest seed) and its dense model. --calibrate adds INT8.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from descale.base.errors import ExportError
from descale.base.machine import usable_cores
from descale.base.picture_size import parse_size
from descale.deploy.export.bundle import export_model
from descale.deploy.export.checks import find_photos
from descale.deploy.export.record import bundle_name
from descale.deploy.quantize.pictures import load_quantization_data
from descale.models import load_model, read_description
from descale.runtime.bundle import open_bundle
from descale.runtime.device import describe_device
from descale.stopwatch.contestants import bundle_contestants
from descale.stopwatch.measure import Measurement, ceiling_in_process, measure
from descale.stopwatch.report import rows, write_csv
from descale.stopwatch.torch_worker import torch_contestant

logger = logging.getLogger("latency")
TARGETS = ("onnx", "openvino")


def models_of_study(study: Path, sparsity: float) -> list[Path]:
    """Model folders of the dense trials and of those at ``sparsity``, lowest seed of each kind."""
    found: dict[tuple[str, ...], tuple[int, Path]] = {}
    with (study / "results.csv").open() as stream:
        for row in csv.DictReader(stream):
            dense = row["strategy"] == "dense"
            if row["status"] != "ok" or not (dense or abs(float(row["sparsity"]) - sparsity) < 1e-6):
                continue
            folder = study / "trials" / row["trial"] / "model"
            if not folder.is_dir():
                logger.warning("%s has no model folder and is left out", row["trial"])
                continue
            key = (row["architecture"], row["encoder"], row["strategy"])
            found[key] = min(found.get(key, (10**9, folder)), (int(row["seed"]), folder))
    return [folder for _, folder in found.values()]


def is_dense(folder: Path) -> bool:
    """The widths are those before pruning."""
    description = read_description(folder)
    return bool(description["widths"] == description["dense_widths"])


def bundles_of(folder: Path, work: Path, calibrate: str | None, photos: Sequence[Path]) -> list[Path]:
    """Export a model once; what is there already is taken as it is."""
    model = load_model(folder)
    name = f"{bundle_name(model)}-{read_description(folder)['weights_sha256'][:8]}"
    out = work / name
    if not out.exists():
        export_model(model, out, targets=TARGETS, photos=photos)
    bundles = [out]
    if calibrate is not None:
        for target in TARGETS:
            int8 = work / f"{name}-int8-{target}"
            try:
                if not int8.exists():
                    data = load_quantization_data(calibrate, model.spec)
                    export_model(model, int8, targets=(target,), photos=photos, int8=data)
                bundles.append(int8)
            except ExportError as error:
                logger.warning("%s", error)
    return bundles


def same_engine(measured: Sequence[Measurement], dense: Path) -> dict[int, float]:
    """By position: how many times faster than the dense float32 bundle in the same engine."""
    reference = {one.contestant.engine: one for one in measured if one.contestant.path == dense}
    return {
        i: one.ratio_to(reference[one.contestant.engine])[0]
        for i, one in enumerate(measured)
        if one.contestant.engine in reference
    }


def scores_of(path: Path) -> dict[str, Any]:
    """Corrosion IoU by split as far as the bundle or the model folder states it."""
    if (path / "model.json").is_file():
        metrics = read_description(path).get("metrics", {})
    else:
        metrics = open_bundle(path).manifest.provenance.get("metrics", {})
    return {
        f"iou_{split}": (metrics.get(split) or {}).get("scores", {}).get("iou_corrosion")
        for split in ("valid", "test")
    }


def gate_of(path: Path, engine: str) -> dict[str, Any]:
    """IoU on the validation split in float32 and INT8, for INT8 bundles."""
    found: dict[str, float | None] = {
        "gate_iou_float32": None,
        "gate_iou_int8": None,
        "layers_kept_float": None,
    }
    if (path / "model.json").is_file():
        return found
    gates = open_bundle(path).manifest.provenance.get("quantization", {}).get("gates", {})
    gate = gates.get("openvino" if engine == "openvino" else "onnx") or next(iter(gates.values()), None)
    if gate:
        found = {
            "gate_iou_float32": gate["iou_float32"],
            "gate_iou_int8": gate["iou_int8"],
            "layers_kept_float": len(gate["kept_float"]),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--study", type=Path, help="study folder")
    parser.add_argument("--models", type=Path, nargs="+", default=[], help="model folders")
    parser.add_argument("--bundles", type=Path, nargs="+", default=[], help="more bundles, such as LR-ASPP")
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--calibrate", help="data set for INT8")
    parser.add_argument("--photos", type=Path, nargs="+", default=[], help="photos to check exports on")
    parser.add_argument("--size", default="512x512")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path("runs/latency"), help="where bundles are kept")
    parser.add_argument("--out", type=Path, required=True, help="CSV to write")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")

    folders = [*given.models, *(models_of_study(given.study, given.sparsity) if given.study else [])]
    by_architecture: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        by_architecture[read_description(folder)["architecture"]].append(folder)
    photos = find_photos(given.photos)
    size, device = parse_size(given.size), describe_device()
    ceiling = ceiling_in_process(given.threads)
    lines: list[dict[str, Any]] = []
    for architecture, members in by_architecture.items():
        dense = next((folder for folder in members if is_dense(folder)), None)
        if dense is None:
            logger.warning("%s: no dense model to compare with, left out", architecture)
            continue
        ordered = [dense, *(folder for folder in members if folder != dense)]
        bundles = [bundles_of(folder, given.work, given.calibrate, photos) for folder in ordered]
        flat = [bundle for some in bundles for bundle in some]
        contestants = [
            torch_contestant(dense, size=size),
            *bundle_contestants([*flat, *given.bundles], size=size),
        ]
        measured = measure(
            contestants, size=size, threads=given.threads, rounds=given.rounds, runs=given.runs,
            progress=logger.info,
        )  # fmt: skip
        ratios = same_engine(measured, bundles[0][0])
        for i, line in enumerate(
            rows(measured, measured[0], ceiling, device, size=size, threads=given.threads)
        ):
            contestant = measured[i].contestant
            line = {"group": architecture, **line, "speedup_same_engine": ratios.get(i)}
            lines.append(line | scores_of(contestant.path) | gate_of(contestant.path, contestant.engine))
        write_csv(given.out, lines)  # after each architecture, so that nothing measured is lost
    print(json.dumps([{k: line[k] for k in SHOWN} for line in lines], indent=1))


SHOWN = ("name", "engine", "precision", "total_p50_ms", "speedup", "speedup_same_engine", "roofline_share")


if __name__ == "__main__":
    main()
