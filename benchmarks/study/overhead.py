"""What the study itself costs: per trial, and for 10,000 finished trials.

    python benchmarks/study/overhead.py benchmarks/study/overhead.csv

A runner that sleeps stands for training. Everything that a study does around a trial is timed: planning,
claims, files, results.csv, manifest. Target: under 2 % for trials of a minute; 10,000 finished trials
listed and reported in under 10 seconds.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from descale import __version__
from descale.base.files import replacing_file
from descale.base.machine import processor
from descale.study.config import StudyData
from descale.study.folder import Row, StudyFolder
from descale.study.results import write_results
from descale.study.run import open_study, run_study
from descale.study.trial import DataDescription, Trial

SECONDS = 1.0
TRIAL_SECONDS = 60.0

STUDY = """
name: overhead
data: [{{source: .}}]
architectures: [unet, unetplusplus, fpn, linknet, manet]
encoder_weights: none
strategies: [linear, agp, movement]
controls: [random, slim-scratch]
sparsities: {sparsities}
seeds: {seeds}
"""


@dataclass(frozen=True)
class Sleeper:
    """Sleeps instead of training."""

    seconds: float

    def describe(self, data: StudyData, root: Path) -> DataDescription:
        return DataDescription("none", "0" * 64)

    def prepare(self, threads: int) -> None:
        pass

    def run(self, trial: Trial, trials: Path) -> Row:
        time.sleep(self.seconds)
        return scores(trial)


def scores(trial: Trial) -> Row:
    """A row as wide as a real one."""
    loss = 0.1 * trial.sparsity
    share = max(1e-6, (1 - trial.sparsity) ** 2)
    return {
        "sparsity_realised": trial.sparsity, "params": int(5e6 * share), "macs": int(1e9 * share),
        "size_bytes": int(2e7 * share), "iou_corrosion": 0.6 - loss, "iou_corrosion_low": 0.55 - loss,
        "iou_corrosion_high": 0.65 - loss, "f1_corrosion": 0.7 - loss, "iou_corrosion_union": 0.6 - loss,
        "iou_mean": 0.7 - loss, "iou_paper": 0.9 - loss, "iou_trivial": 0.08, "iou_paper_trivial": 0.8,
        "iou_colour": 0.37, "collapsed": "", "iou_dense": 0.6, "iou_drop": loss, "iou_drop_low": loss - 0.01,
        "iou_drop_high": loss + 0.01, "latency_ms": 100 * share, "input_size": "160x160", "threads": 1,
        "torch": "none", "seconds": 60.0,
    }  # fmt: skip


def main(target: Path) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        rows.append(per_trial(base))
        rows += ten_thousand(base)
    for row in rows:
        row |= {"descale": __version__, "device": processor()}
        print(json.dumps(row))
    with replacing_file(target) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def per_trial(base: Path) -> dict[str, object]:
    """Overhead of one start and 80 trials of a second, as a share of as many trials of a minute."""
    file = base / "short.yaml"
    file.write_text(STUDY.format(sparsities="[0.5, 0.75, 0.9]", seeds="[0]"))
    runner = Sleeper(SECONDS)
    began = time.perf_counter()
    study = open_study(file, base / "short", runner)
    run_study(study, runner)
    spent = time.perf_counter() - began - SECONDS * len(study.trials)
    share = spent / (TRIAL_SECONDS * len(study.trials))
    return entry("overhead of a study of one-minute trials, share", share, 0.02)


def ten_thousand(base: Path) -> list[dict[str, object]]:
    """Listing and reporting a study whose 10,000 trials are done."""
    file, out = base / "long.yaml", base / "long"
    file.write_text(STUDY.format(sparsities="[0.5, 0.75, 0.9]", seeds=list(range(125))))
    runner = Sleeper(0)
    study = open_study(file, out, runner)
    for trial in study.trials:  # as finish() leaves them, without the claims
        study.folder.begin(trial)
        study.folder.finish(trial, scores(trial))
    began = time.perf_counter()
    again = open_study(file, out, runner)
    listed = len(again.rows())
    list_seconds = time.perf_counter() - began
    assert listed == len(again.trials) == 10_000
    began = time.perf_counter()
    write_results(again.trials, StudyFolder(out))
    results_seconds = time.perf_counter() - began
    began = time.perf_counter()
    write_results(again.trials, again.folder)
    after_each_seconds = time.perf_counter() - began
    rows = [
        entry("seconds to list 10,000 finished trials, study file included", list_seconds, 10),
        entry("seconds to derive results.csv of 10,000 trials, from cold", results_seconds, 10),
        entry("seconds to rewrite results.csv after one more of 10,000", after_each_seconds, 1.2),
    ]
    from descale.report.write import write_report

    began = time.perf_counter()
    write_report(out)
    rows.append(entry("seconds to report 10,000 trials", time.perf_counter() - began, 10))
    return rows


def entry(measure: str, value: float, target: float) -> dict[str, object]:
    return {"measure": measure, "value": round(value, 5), "target": target, "reached": value < target}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
