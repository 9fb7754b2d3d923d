"""Time `descale report` on a study of 10,000 finished trials (made up: five seeds of 2,000 models).

    python benchmarks/report/measure_report.py [--trials 10000] [--keep FOLDER]

Prints seconds for reading, for the whole report in a fresh process, the size of the page, and, where
Chromium and playwright are present, how long a browser needs to show it and to filter its table.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ARCHITECTURES = ("unet", "unetplusplus", "fpn", "linknet", "manet")
STRATEGIES = ("linear", "agp", "movement", "one-shot", "random", "slim-scratch")
ENCODERS = ("tu-tf_efficientnet_lite0", "resnet18", "mobilenet_v2", "resnet101")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def write_results(path: Path, trials: int) -> None:
    draw = random.Random(0)
    sparsities = [round(0.05 * k, 2) for k in range(1, 20)]
    models = [
        (architecture, encoder, strategy, sparsity)
        for architecture, encoder in itertools.product(ARCHITECTURES, ENCODERS)
        for strategy, sparsity in [("dense", 0.0), *itertools.product(STRATEGIES, sparsities)]
    ]
    seeds = math.ceil(trials / len(models))
    rows: list[dict[str, object]] = []
    for seed, (architecture, encoder, strategy, sparsity) in itertools.product(range(seeds), models):
        dense = 0.68 - 0.02 * ARCHITECTURES.index(architecture) - 0.01 * ENCODERS.index(encoder)
        loss = (0.01 + 0.02 * STRATEGIES.index(strategy)) * sparsity**3 if strategy != "dense" else 0.0
        iou = dense - loss + draw.gauss(0, 0.004)
        macs = 1.1e9 * (1 + ENCODERS.index(encoder)) * (1 - sparsity) ** 2 * draw.uniform(0.9, 1.1)
        rows.append(
            {
                "dataset": "made-up", "architecture": architecture, "encoder": encoder,
                "strategy": strategy, "sparsity": sparsity, "seed": seed, "sparsity_realised": sparsity,
                "params": int(macs / 200), "macs": int(macs), "size_bytes": int(macs / 49),
                "iou_corrosion": round(iou, 6), "f1_corrosion": round(2 * iou / (1 + iou), 6),
                "iou_mean": round((iou + 0.95) / 2, 6), "iou_paper": 0.9, "iou_trivial": 0.08,
                "iou_paper_trivial": 0.86, "iou_colour": 0.43, "iou_dense": round(dense, 6),
                "iou_drop": round(dense - iou, 6), "seconds": 60.0, "status": "ok",
                "iou_corrosion_low": round(iou - 0.03, 6), "iou_corrosion_high": round(iou + 0.03, 6),
                "iou_drop_low": round(dense - iou - 0.01, 6), "iou_drop_high": round(dense - iou + 0.01, 6),
                "trial": f"{len(rows):016x}",
            }
        )  # fmt: skip
    rows = rows[:trials]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def browse(page: Path) -> None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("browser: playwright is not installed")
        return
    if CHROMIUM is None:
        print("browser: neither chromium nor google-chrome")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page()
        begin = time.perf_counter()
        tab.goto(page.resolve().as_uri())
        tab.wait_for_function("document.querySelectorAll('#trials tbody tr').length > 0")
        print(f"shown in the browser after {time.perf_counter() - begin:.2f} s")
        begin = time.perf_counter()
        tab.locator('.filters input[name="architecture"]').first.uncheck()
        tab.evaluate("document.body.offsetHeight")
        print(f"filtered after {time.perf_counter() - begin:.2f} s: {tab.locator('#count').inner_text()}")
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, help="folder to keep the made-up study and its report in")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="descale-report-"))
    folder.mkdir(parents=True, exist_ok=True)
    write_results(folder / "results.csv", options.trials)
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "from descale.cli import main; main()", "report", str(folder)], check=True
    )
    print(f"{options.trials} trials reported in {time.perf_counter() - begin:.2f} s, start-up included")
    page = folder / "report.html"
    print(f"page of {page.stat().st_size / 1e6:.1f} MB")
    browse(page)
    if options.keep is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
