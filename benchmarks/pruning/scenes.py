"""Which scene the drop of each pruned network of a study comes from, on the validation and the test split.

    python benchmarks/pruning/scenes.py runs/rust-photos --out benchmarks/DATE-scenes.csv

A row per pruned trial and split: the drop from its dense parent with its 95 % interval over scenes, the scene
that changes it most, and the drop without that scene. Reads the per-image confusions that the trials left; no
network is run.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from descale.base.classes import ClassTable
from descale.evaluation import METRICS, paired_drop, read_confusions, scene_influences
from descale.models import read_description
from descale.stopwatch.report import write_csv


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()

    trials = given.study / "trials"
    rows: list[dict[str, object]] = []
    for folder in sorted(path.parent for path in trials.glob("*/result.json")):
        trial = json.loads((folder / "trial.json").read_text(encoding="utf-8"))
        if trial["kind"] != "pruned":
            continue
        parent = read_confusions(trials / trial["parents"][0] / "confusions.csv")
        own = read_confusions(folder / "confusions.csv")
        classes = ClassTable.from_json(read_description(folder / "model")["classes"])
        for split in ("valid", "test"):
            drop = paired_drop([parent[split]], [own[split]], classes).interval
            influences = scene_influences([parent[split]], [own[split]], classes)
            first = influences[0]
            rows.append(
                {
                    "architecture": trial["architecture"],
                    "strategy": trial["strategy"],
                    "sparsity": trial["sparsity"],
                    "seed": trial["seed"],
                    "dense_epochs": trial["training"]["epochs"],
                    "allocation": trial["pruning"]["allocation"],
                    "recovery_epochs": trial["pruning"]["recovery_epochs"],
                    "recovery_scale": trial["pruning"]["recovery_scale"],
                    "distillation": trial["pruning"]["distillation"],
                    "gradient_clip": trial["pruning"].get("gradient_clip"),
                    "split": split,
                    "images": drop.images,
                    "scenes": drop.clusters,
                    "iou_dense": _points(METRICS["iou_corrosion"].of(parent[split], classes)),
                    "iou": _points(METRICS["iou_corrosion"].of(own[split], classes)),
                    "drop": _points(drop.estimate),
                    "drop_low": _points(drop.low),
                    "drop_high": _points(drop.high),
                    "scene": first.scene,
                    "scene_images": len(first.images),
                    "drop_without_scene": _points(first.without),
                    "trial": trial["id"],
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    write_csv(given.out, rows)


def _points(value: float) -> float:
    return round(value, 4)


if __name__ == "__main__":
    main()
