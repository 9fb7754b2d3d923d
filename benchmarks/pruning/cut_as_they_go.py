"""Wall time of a pruning schedule that removes channels at every update, against one that gates to the end.

    python benchmarks/pruning/cut_as_they_go.py MODEL DATA --out benchmarks/pruning/cut_as_they_go.csv

MODEL is a trained dense model folder. Schedules of both kinds are run in turns, without recovery, so the
difference is what cutting early saves. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from descale.data import load_dataset
from descale.models import load_model
from descale.pruning.config import PruningConfig
from descale.stopwatch.report import write_csv
from descale.training import DeviceConfig, TrainingConfig, prune_model

QUIET = DeviceConfig(loggers=(), progress=False)


def seconds_of(model: Path, data: str, strategy: str, sparsity: float, epochs: int, cutting: bool) -> float:
    """Time of one schedule of ``epochs`` epochs with as many updates."""
    parent = load_model(model)
    dataset = load_dataset(data, binary=len(parent.spec.classes) == 2)
    training = TrainingConfig.model_validate(dict(parent.provenance["training"]))
    pruning = PruningConfig.model_validate(
        {
            "strategy": strategy,
            "sparsity": sparsity,
            "updates": epochs,
            "schedule_epochs": epochs,
            "between_epochs": 0,
            "recovery_epochs": 0,
            "cut_as_they_go": cutting,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        prune_model(parent, dataset, pruning, training, Path(folder), devices=QUIET)
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--strategies", nargs="+", default=["linear", "agp", "movement"])
    given = parser.parse_args()

    rows = []
    for round_ in range(given.rounds):
        for strategy in given.strategies:
            times = {
                cutting: seconds_of(given.model, given.data, strategy, given.sparsity, given.epochs, cutting)
                for cutting in (False, True)
            }
            rows.append(
                {
                    "strategy": strategy,
                    "sparsity": given.sparsity,
                    "epochs": given.epochs,
                    "round": round_,
                    "gated_seconds": round(times[False], 1),
                    "cutting_seconds": round(times[True], 1),
                    "saved": round(1 - times[True] / times[False], 3),
                    "threads": torch.get_num_threads(),
                    "torch": torch.__version__,
                }
            )
            print(rows[-1], flush=True)
            write_csv(given.out, rows)  # after every row, so that a run that is stopped leaves what it has


if __name__ == "__main__":
    main()
