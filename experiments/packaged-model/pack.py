"""Export the pruned network of a finished study into the package.

python experiments/packaged-model/pack.py runs/packaged-model [THRESHOLD]
"""

from __future__ import annotations

import csv
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import descale
from descale.models import load_model, save_model

HERE = Path(__file__).parent
PACKAGED = HERE.parents[1] / "src/descale/runtime/packaged/corrosion.zip"
THRESHOLD = 0.5
PHOTOS = HERE.parents[1].parent / "shared/data/rust-photos/valid/images"
COMPARED_ON = 12


def main(run: Path, threshold: float) -> None:
    with (run / "results.csv").open(encoding="utf-8", newline="") as stream:
        trial = next(row["trial"] for row in csv.DictReader(stream) if row["strategy"] == "movement")
    model = load_model(run / "trials" / trial / "model")
    with tempfile.TemporaryDirectory() as scratch:
        chosen = Path(scratch) / "model"
        save_model(chosen, replace(model, spec=replace(model.spec, threshold=threshold)))
        photos = sorted(PHOTOS.iterdir())[:: len(list(PHOTOS.iterdir())) // COMPARED_ON]
        PACKAGED.unlink(missing_ok=True)
        exported = descale.export(chosen, PACKAGED, photos=photos, card_note=HERE / "card.md")
    print(exported.path, f"{exported.path.stat().st_size / 1e6:.2f} MB", exported.parity)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else THRESHOLD)
