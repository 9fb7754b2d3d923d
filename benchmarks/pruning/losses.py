"""How well each network of a study fits its training pictures, beside what it scores on the others.

    python benchmarks/pruning/losses.py runs/rust-photos --out benchmarks/DATE-losses.csv

A row per finished trial: the loss on (augmented) training pictures in the last epoch of its last stage, from
the ``metrics.csv`` that the trial left, and its corrosion IoU on both splits. Where the loss of a cut network
is far above its parent's, it lacks channels or epochs; where it is not, something else costs the IoU.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from descale.stopwatch.report import write_csv

LAST_STAGE = Path("log", "recovery", "metrics.csv")
ONLY_STAGE = Path("log", "metrics.csv")  # a network that is not cut has but one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()

    rows: list[dict[str, object]] = []
    for path in sorted(given.study.glob("trials/*/result.json")):
        trial = json.loads((path.parent / "trial.json").read_text(encoding="utf-8"))
        result = json.loads(path.read_text(encoding="utf-8"))
        epoch, loss = last_loss(path.parent)
        pruning = trial["pruning"] or {}
        rows.append(
            {
                "architecture": trial["architecture"],
                "strategy": trial["strategy"] or trial["kind"],
                "sparsity": trial["sparsity"],
                "seed": trial["seed"],
                "dense_epochs": trial["training"]["epochs"],
                "allocation": pruning.get("allocation"),
                "last_stage_epochs": epoch + 1,
                "gradient_clip": pruning.get("gradient_clip"),
                "params": result["params"],
                "macs": result["macs"],
                "loss": round(loss, 4),
                "iou_corrosion_valid": round(result["iou_corrosion_valid"], 4),
                "iou_corrosion": round(result["iou_corrosion"], 4),
                "trial": trial["id"],
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    write_csv(given.out, rows)


def last_loss(trial: Path) -> tuple[int, float]:
    """Number of the last epoch of the last stage, from 0, and its mean training loss."""
    path = next((path for path in (trial / LAST_STAGE, trial / ONLY_STAGE) if path.exists()), None)
    if path is None:
        raise SystemExit(f"{trial} has neither {LAST_STAGE} nor {ONLY_STAGE}: run it with recovery.")
    with path.open(newline="", encoding="utf-8") as file:
        losses = [(int(row["epoch"]), float(row["loss"])) for row in csv.DictReader(file) if row["loss"]]
    return losses[-1]


if __name__ == "__main__":
    main()
