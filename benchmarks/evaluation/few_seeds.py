"""How often intervals over few seeds hold what they promise.

``python benchmarks/evaluation/few_seeds.py OUT.csv`` takes a minute. It simulates the worst case: 60 scenes
that never change and seeds that scatter by 2 points, with a true drop of exactly the margin of 1 point. A
95 % interval should cover it in 95 % of the simulations, and "no worse than 1 point" be shown in 5 %.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from descale.base.classes import BINARY
from descale.evaluation import ImageConfusions, paired_drop

SCENES, SCATTER, DROP, DENSE_IOU = 60, 0.02, 0.01, 0.7
SIMULATIONS, REPLICATES = 300, 1000
CORRODED, SOUND = 10_000, 50_000  # pixels of a photo


def scored(iou: float) -> ImageConfusions:
    """One photo a scene; scenes differ in difficulty, in the same way whatever the network."""
    easier = np.random.default_rng(0).normal(0, SCATTER, SCENES)
    hits = np.clip(np.round(CORRODED * (iou + easier)), 0, CORRODED).astype(int)
    counts = np.zeros((SCENES, 2, 2), int)
    counts[:, 0, 0], counts[:, 1, 1], counts[:, 1, 0] = SOUND, hits, CORRODED - hits
    names = tuple(str(number) for number in range(SCENES))
    return ImageConfusions(names, names, counts)


def simulate(seeds: int, random: np.random.Generator) -> tuple[float, float]:
    """Shares of simulations in which the interval covers the drop, and in which no loss is "shown"."""
    covered = shown = 0
    for _ in range(SIMULATIONS):
        drops = DROP + random.normal(0, SCATTER, seeds)
        dense, pruned = [scored(DENSE_IOU)] * seeds, [scored(DENSE_IOU - drop) for drop in drops]
        found = paired_drop(dense, pruned, BINARY, replicates=REPLICATES)
        covered += found.interval.low <= DROP <= found.interval.high
        shown += found.no_worse
    return covered / SIMULATIONS, shown / SIMULATIONS


def main() -> None:
    random = np.random.default_rng(1)
    with Path(sys.argv[1]).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["seeds", "interval_covers", "wrongly_shown"])
        for seeds in (2, 3, 5, 10):
            row = [seeds, *(round(share, 3) for share in simulate(seeds, random))]
            print(*row, flush=True)
            writer.writerow(row)


if __name__ == "__main__":
    main()
