"""Seconds from the command to the first training step, of 1,000 drawn photos of 512x512.

    python benchmarks/training/start.py runs/start --photos 1000

Draws the photos into the folder if they are not there, then starts `descale train` twice in a process of its
own and ends it at its first step. The first start finds no file of the photos in the system's memory only if
you have dropped its caches.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENDS_AT_ITS_FIRST_STEP = """
import os, sys, time
from descale.cli.main import main
from descale.training.step import TrainingStep

def first(self, *_):
    print("first step", time.time(), flush=True)
    os._exit(0)

TrainingStep.__call__ = first
main()
"""


def start(photos: Path, out: str) -> float:
    """Seconds to the first step."""
    arguments = ["train", "--data", str(photos), "--out", out, "--encoder-weights", "none"]
    began = time.time()
    done = subprocess.run(
        [sys.executable, "-c", ENDS_AT_ITS_FIRST_STEP, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        if line.startswith("first step"):
            return float(line.split()[-1]) - began
    raise SystemExit(f"no step was taken:\n{done.stdout}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="where the photos are, or are drawn")
    parser.add_argument("--photos", type=int, default=1000)
    given = parser.parse_args()
    photos = given.folder / f"photos-{given.photos}"
    if not photos.exists():
        from descale.synthesize import synthesize

        synthesize(photos, count=given.photos, size=(512, 512))
    with tempfile.TemporaryDirectory() as out:  # the second goes on, and need not check the photos again
        for turn in ("first", "second"):
            print(f"{turn} start: {start(photos, out):.1f} s", flush=True)


if __name__ == "__main__":
    main()
