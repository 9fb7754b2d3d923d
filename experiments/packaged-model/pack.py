"""Choose the decision threshold of a pruned model on validation photos, score it, and put it in the package.

    python experiments/packaged-model/pack.py runs/packaged-recovered/model ../shared/data

The threshold is the highest that loses at most a point of validation IoU against the best: the quieter the
better. The data set and the photos of clean metal are only scored.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import descale
from descale.evaluation.model_scores import false_alarms
from descale.models import load_model, save_model

HERE = Path(__file__).parent
PACKAGED = HERE.parents[1] / "src/descale/runtime/packaged/corrosion.zip"
THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
ALLOWED = 0.01
COMPARED_ON = 12


def main(pruned: Path, shared: Path) -> None:
    model, data = load_model(pruned), HERE / "data.yaml"
    with tempfile.TemporaryDirectory() as scratch:
        scores = {}
        for threshold in THRESHOLDS:
            chosen = Path(scratch) / f"{threshold}"
            save_model(chosen, replace(model, spec=replace(model.spec, threshold=threshold)))
            scores[threshold] = descale.evaluate(chosen, data, split="valid").scores.iou_corrosion
            print(f"threshold {threshold}: validation {scores[threshold]:.3f}", flush=True)
        best = max(t for t, score in scores.items() if score >= max(scores.values()) - ALLOWED)
        chosen = Path(scratch) / f"{best}"
        for split in ("valid", "test"):
            summary = descale.evaluate(chosen, data, split=split, keep_scores=True).summary
            print(f"threshold {best}, {split}: {summary.intervals['iou_corrosion']}")
        false_alarms(chosen, shared / "web-photos/clean-metal", keep_scores=True)
        photos = sorted((shared / "rust-photos/valid/images").iterdir())
        PACKAGED.unlink(missing_ok=True)
        exported = descale.export(
            chosen, PACKAGED, photos=photos[:: len(photos) // COMPARED_ON], card_note=HERE / "card.md"
        )
    print(exported.path, f"{exported.path.stat().st_size / 1e6:.2f} MB", exported.parity)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
