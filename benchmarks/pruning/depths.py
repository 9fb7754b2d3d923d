"""How much a network still uses what its encoder says at each stride, from the stem to the deepest features.

    python benchmarks/pruning/depths.py MODEL... --data DATA --out benchmarks/DATE-depths.csv

MODEL is a model folder. For each stride the encoder's features are replaced by their mean over all
positions and photos of the batch, so that they carry no information but keep their level, and the corrosion
IoU of the split is measured again. A column that hardly differs from `iou` is of features that the network
no longer uses. A score alone does not show that: a network that has forgotten its deep features, which see
a whole scene, can still live on colour and texture.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor, nn

from descale.data import load_dataset
from descale.evaluation.evaluate import image_confusions
from descale.evaluation.metrics import METRICS
from descale.models import load_model
from descale.stopwatch.report import write_csv

BATCH = 32  # photos over which the mean is taken
STRIDES = (2, 4, 8, 16, 32)


@contextmanager
def without_features(encoder: nn.Module, level: int | None) -> Iterator[None]:
    """The encoder gives the features of ``level`` as their mean; ``None`` leaves all as they are."""

    def flatten(_: nn.Module, __: tuple[Tensor], features: Sequence[Tensor]) -> list[Tensor]:
        changed = list(features)
        if level is not None:
            told = changed[level]
            changed[level] = told.mean((0, 2, 3), keepdim=True).expand_as(told).contiguous()
        return changed

    handle = encoder.register_forward_hook(flatten)
    try:
        yield
    finally:
        handle.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="valid")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()

    samples = load_dataset(given.data, binary=True).split(given.split)
    rows = []
    for folder in given.models:
        model = load_model(folder)
        encoder = model.network.get_submodule("encoder")
        provenance = model.provenance
        row: dict[str, object] = {
            "architecture": model.spec.architecture,
            "strategy": provenance.get("strategy", ""),
            "sparsity": round(float(provenance.get("sparsity", 0.0)), 2),
            "epochs": provenance["training"]["epochs"],
            "recovery_epochs": provenance.get("pruning", {}).get("recovery_epochs", ""),
            "recovery_rate": provenance.get("pruning", {}).get("recovery_rate", ""),
            "split": given.split,
        }
        for level, name in enumerate(["iou", *(f"iou_without_stride_{stride}" for stride in STRIDES)]):
            with without_features(encoder, level or None):
                confusions = image_confusions(model, samples, batch_size=BATCH)
                row[name] = round(METRICS["iou_corrosion"].of(confusions, model.spec.classes), 4)
        rows.append(row)
        print(json.dumps(row), flush=True)
    write_csv(given.out, rows)


if __name__ == "__main__":
    main()
