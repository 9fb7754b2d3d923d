"""Wall time and peak memory of ``descale predict`` on photos, each run a process of its own, start to CSV.

    python benchmarks/latency/predict.py BUNDLE... --photos PHOTO... --out benchmarks/latency/predict.csv

Every bundle is run at every scale, in turns, ``--rounds`` times. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from descale.runtime.bundle import open_bundle
from descale.runtime.device import describe_device
from descale.stopwatch.report import write_csv

START = "from descale.cli import main; main()"


def run_once(bundle: Path, photos: list[Path], scale: str, engine: str) -> tuple[float, float]:
    """Seconds and peak resident megabytes of one run."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-c", START, "predict", str(bundle), *map(str, photos), "--out", out]
        command += ["--page-size", "0"]
        start = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--scale", scale, "--engine", engine], stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"descale predict {bundle} ended with status {process.returncode}")
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", nargs="+", type=Path)
    parser.add_argument("--photos", nargs="+", type=Path, required=True)
    parser.add_argument("--scales", nargs="+", default=["1", "auto"])
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()

    device = str(describe_device())
    cells = list(itertools.product(given.bundles, given.scales))
    taken: dict[tuple[Path, str], list[tuple[float, float]]] = {cell: [] for cell in cells}
    for _ in range(given.rounds):
        for bundle, scale in cells:
            taken[bundle, scale].append(run_once(bundle, given.photos, scale, given.engine))
    rows = []
    for (bundle, scale), runs in taken.items():
        manifest = open_bundle(bundle).manifest
        seconds = [run[0] for run in runs]
        rows.append(
            {
                "bundle": manifest.name,
                "precision": manifest.precision,
                "engine": given.engine,
                "photos": len(given.photos),
                "scale": scale,
                "seconds_median": round(statistics.median(seconds), 3),
                "seconds_least": round(min(seconds), 3),
                "seconds_most": round(max(seconds), 3),
                "peak_mb": round(max(run[1] for run in runs)),
                "rounds": given.rounds,
                "device": device,
            }
        )
        print({key: value for key, value in rows[-1].items() if key != "device"}, flush=True)
    write_csv(given.out, rows)


if __name__ == "__main__":
    main()
