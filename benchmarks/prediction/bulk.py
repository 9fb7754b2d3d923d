"""Does `descale predict` keep up with its slowest part on many large photos, and does its memory stay flat?

    python benchmarks/prediction/bulk.py --photos ../shared/data/ccsc-sample/original/images \
        --count 1000 --out benchmarks/prediction/bulk.csv

A hundred photos of 4000x3000 are made from those given, each a crop of its own; the others are links to
them. Decoding, network and writing are timed alone, with the threads that `predict` gives them, and then the
command itself, a process of its own, whose memory is looked at twice a second. Run it on a machine that does
nothing else.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from descale.prediction.ahead import Opened, open_ahead
from descale.prediction.batch import PredictSettings, begin_pictures
from descale.prediction.inputs import find_inputs
from descale.prediction.results_folder import PAGE_PICTURES, PICTURES
from descale.prediction.sources import PhotoSource, iterate_sources
from descale.runtime.device import describe_device
from descale.runtime.packaged import packaged_bundle
from descale.runtime.segmentation import Segmentation
from descale.runtime.segmenter import Segmenter

SIZE = (4000, 3000)
START = "from descale.cli import main; main()"
DIFFERENT = 100
ALONE = 40
"""Photos on which each part is timed alone."""


def make_photos(sources: list[Path], count: int, folder: Path) -> None:
    """Crops of the photos, enlarged to :data:`SIZE` where they are smaller, and links to them."""
    random = np.random.default_rng(0)
    opened = [Image.open(path).convert("RGB") for path in sources]
    for number in range(min(count, DIFFERENT)):
        photo = opened[number % len(opened)]
        share = random.uniform(0.7, 1.0)
        width, height = round(photo.width * share), round(photo.height * share)
        left = int(random.integers(photo.width - width + 1))
        top = int(random.integers(photo.height - height + 1))
        crop = photo.resize(SIZE, Image.Resampling.BILINEAR, (left, top, left + width, top + height))
        crop.save(folder / f"{number:04d}.jpg", quality=88)
    for number in range(DIFFERENT, count):
        (folder / f"{number:04d}.jpg").hardlink_to(folder / f"{number % DIFFERENT:04d}.jpg")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if given.out.is_dir():
        parser.error(f"--out {given.out} is a folder; name a CSV file")
    with tempfile.TemporaryDirectory() as scratch:
        photos = Path(scratch) / "photos"
        photos.mkdir()
        make_photos(sorted(given.photos.iterdir()), given.count, photos)
        print(f"{given.count} photos made", flush=True)
        row = parts_alone(photos, Path(scratch) / "alone")
        print(row, flush=True)
        row |= whole(photos, Path(scratch) / "results")
    slowest = max(row["decode"], row["network"], row["write"])
    row |= {"to_slowest": round(row["predict"] / slowest, 2), "device": str(describe_device())}
    print(row)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with given.out.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerow(row)


def parts_alone(folder: Path, out: Path) -> dict[str, Any]:
    """Milliseconds for a photo of each part."""
    settings = PredictSettings()
    segmenter = Segmenter.from_bundle(packaged_bundle())
    inputs = find_inputs([str(folder)]).inputs[:ALONE]
    sources = [one for one in iterate_sources(inputs, 1) if isinstance(one, PhotoSource)]

    def opened() -> Any:
        return open_ahead(
            sources, lambda _: None, segmenter.scale(), preview=settings.overlay,
            max_pixels=settings.max_pixels, workers=settings.workers,
        )  # fmt: skip

    began = time.perf_counter()
    for _, coming in opened():
        coming.result()
    decode = time.perf_counter() - began
    ready: list[tuple[PhotoSource, Opened]] = [(source, coming.result()) for source, coming in opened()]
    began = time.perf_counter()
    done = [(source, segmenter.segment(one.picture), one.preview) for source, one in ready]
    network = time.perf_counter() - began
    return {
        "photos": ALONE,
        "decode": round(1000 * decode / len(sources), 1),
        "network": round(1000 * network / len(sources), 1),
        "write": round(1000 * writing(done, out, settings) / len(sources), 1),
    }


def writing(
    done: list[tuple[PhotoSource, Segmentation, Image.Image | None]], out: Path, settings: PredictSettings
) -> float:
    """Seconds of writing the pictures of all photos, with as many at once as ``predict`` allows."""
    waiting: deque[list[Future[Any]]] = deque()
    began = time.perf_counter()
    with ThreadPoolExecutor(max(2, settings.workers)) as pool:
        for source, segmentation, preview in done:
            if len(waiting) >= settings.workers:
                for job in waiting.popleft():
                    job.result()
            kinds = PICTURES | PAGE_PICTURES
            paths = {kind: out / kind / f"{source.name}{suffix}" for kind, suffix in kinds.items()}
            waiting.append(begin_pictures(pool, paths, segmentation, preview, settings))
    return time.perf_counter() - began


def whole(photos: Path, out: Path) -> dict[str, Any]:
    """Milliseconds for a photo of the command, start and tables included, and its memory over time."""
    count = len(list(photos.iterdir()))
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", START, "predict", str(photos), "--out", str(out)], stderr=subprocess.DEVNULL
    )
    memory = []
    while process.poll() is None:
        memory.append(resident_mb(process.pid))
        time.sleep(0.5)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"descale predict ended with status {process.returncode}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    quarter = len(memory) // 4
    return {
        "predict": round(1000 * seconds / count, 1),
        "predict_cpu": round(1000 * (used.ru_utime + used.ru_stime) / count, 1),
        "predict_photos": count,
        "mb_second_quarter": round(max(memory[quarter : 2 * quarter])),
        "mb_last_quarter": round(max(memory[-quarter:])),
    }


def resident_mb(pid: int) -> float:
    """Resident memory of a process, 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
