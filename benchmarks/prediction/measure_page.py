"""Time the page of a job (`index.html` of `descale predict`) with 1,000 made-up photos in Chromium.

    python benchmarks/prediction/measure_page.py [--photos 1000] [--keep FOLDER]

Prints the size of the page, how long it takes until the grid stands and the pictures of its first row are
there, how long a sort and a search take, and how even frames are while the whole page is scrolled through.
Needs playwright and Debian's chromium.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from descale.base.classes import BINARY
from descale.prediction.page.write import write_page
from descale.prediction.results_folder import PAGE_PICTURES
from descale.prediction.summary import summarise
from descale.prediction.tables import TableContent
from descale.runtime.segmentation import Segmentation

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SHOWN = """Array.from(document.querySelectorAll('#grid img')).slice(0, 5)
  .every(image => image.complete && image.naturalWidth > 0)"""
SCROLL = """async () => {
  const times = [];
  const height = document.documentElement.scrollHeight;
  for (let y = 0; y < height; y += 120) {
    window.scrollTo(0, y);
    const begin = performance.now();
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - begin);
  }
  return times;
}"""


def make_job(folder: Path, photos: int) -> Path:
    draw = np.random.default_rng(0)
    scratch = folder / "drawn"
    scratch.mkdir()
    for number in range(20):  # each is copied for many photos, since drawing takes longer than copying
        noise = draw.integers(0, 256, (75, 100, 3), np.uint8)
        photo = Image.fromarray(noise).resize((1600, 1200), Image.Resampling.BICUBIC)
        photo.save(scratch / f"{number}-large.jpg", quality=80)
        photo.resize((400, 300)).save(scratch / f"{number}-small.jpg", quality=80)
        Image.fromarray((noise[..., 0] > 200).astype(np.uint8)).resize((1600, 1200), 0).save(
            scratch / f"{number}-masks.png"
        )
    results = []
    for index in range(photos):
        mask = np.zeros((120, 160), np.uint8)
        for _ in range(draw.integers(0, 40)):
            top, left = draw.integers(0, 110), draw.integers(0, 150)
            mask[top : top + draw.integers(1, 10), left : left + draw.integers(1, 10)] = 1
        name = f"span {index // 50:02d}/DJI_{index:04d}"
        seen = Segmentation(BINARY, mask, float(draw.uniform(0.6, 1)), (3000, 4000), "onnxruntime")
        results.append(summarise(seen, name, f"/site/{name}.JPG", mm_per_pixel=0.3))
        for kind, suffix in PAGE_PICTURES.items():
            target = folder / kind / f"{name}{suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(scratch / f"{index % 20}-{kind.removeprefix('page/')}{suffix}", target)
    made_by: dict[str, Any] = {
        "descale": "0", "bundle": {"name": "made up", "precision": "float32", "files": {}},
        "threshold": 0.5, "engine": "onnxruntime", "scale": "as in training", "mm_per_pixel": 0.3,
    }  # fmt: skip
    return write_page(folder, TableContent(BINARY, tuple(results), (), made_by, folder / "masks"))


def browse(page: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for attempt in range(3):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            begin = time.perf_counter()
            tab.goto(page.resolve().as_uri(), wait_until="commit")
            tab.wait_for_selector("#grid li")
            stands = time.perf_counter() - begin
            while not tab.evaluate(SHOWN):
                tab.wait_for_timeout(10)
            print(
                f"open {attempt + 1}: grid after {stands:.2f} s, first row's pictures after "
                f"{time.perf_counter() - begin:.2f} s"
            )
        for told, script in {
            "sort by name": "() => { const s = document.getElementById('sort'); s.value = 'name';"
            " s.dispatchEvent(new Event('input', {bubbles: true})); document.body.offsetHeight; }",
            "search": "() => { const s = document.getElementById('search'); s.value = 'DJI_00';"
            " s.dispatchEvent(new Event('input', {bubbles: true})); document.body.offsetHeight; }",
        }.items():
            begin = time.perf_counter()
            tab.evaluate(script)
            print(f"{told}: {time.perf_counter() - begin:.2f} s, {tab.locator('#count').inner_text()}")
        tab.locator("#reset").click()
        frames = np.array(tab.evaluate(SCROLL))
        print(
            f"scrolled through in {len(frames)} frames: median {np.median(frames):.0f} ms, "
            f"95 % within {np.percentile(frames, 95):.0f} ms, longest {frames.max():.0f} ms"
        )
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="folder to keep the made-up job in")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="descale-page-"))
    folder.mkdir(parents=True, exist_ok=True)
    page = make_job(folder, options.photos)
    print(f"{options.photos} photos, page of {page.stat().st_size / 1e6:.2f} MB")
    browse(page)
    if options.keep is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
