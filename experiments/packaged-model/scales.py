"""Is a photo seen better at another scale, or at several together?

    python experiments/packaged-model/scales.py src/descale/runtime/packaged/corrosion.zip ../shared/data \
        --out experiments/packaged-model/scales.csv

Every photo is seen at multiples of the scale of the training. Logits are enlarged to the photo's own size (at
most 2048 pixels), averaged, decided at the bundle's threshold, and patches below a bound are left out. Scores
are of the validation and test photos of rust-photos, of the bridge photos of ccsc-sample at their full size,
and of the photos of clean metal, where a patch above 0.5 % of the picture is a false alarm.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pack import ALARM, decided, largest_false
from PIL import Image

import descale

SETS = (("0.5",), ("0.67",), ("1",), ("1.33",), ("2",), ("4",), ("0.67", "1"), ("0.5", "1"), ("1", "1.33"),
        ("1", "2"), ("0.67", "1", "1.33"), ("0.5", "1", "2"), ("1", "2", "4"))  # fmt: skip
BOUNDS = (0.0, 0.7, 0.75, 0.8, 0.84, 0.88, 0.9)
LONGEST = 2048

Mask = NDArray[np.bool_]


def photos(data: Path) -> Iterator[tuple[str, Path, Mask]]:
    """What it counts for, photo, and what is corroded."""
    for split in ("valid", "test"):
        for photo in sorted((data / "rust-photos" / split / "images").iterdir()):
            yield split, photo, label(data / "rust-photos" / split / "masks" / f"{photo.stem}.png")
    bridges = data / "ccsc-sample/original"
    for photo in sorted((bridges / "images").iterdir()):
        yield "bridges", photo, label(bridges / "masks_index" / f"{photo.stem}.png")
    for photo in sorted((data / "web-photos/clean-metal").iterdir()):
        width, height = Image.open(photo).size
        yield "clean", photo, np.zeros((height, width), np.bool_)


def label(path: Path) -> Mask:
    return np.asarray(Image.open(path).convert("L")) > 0


def margins(
    segmenter: descale.Segmenter, photo: Path, shape: tuple[int, ...]
) -> dict[str, NDArray[np.float32]]:
    """Logit of corrosion less that of background at each multiple, of ``shape`` or smaller."""
    scale = segmenter.scale()
    usual = scale(shape[0] * shape[1]) if callable(scale) else scale
    share = min(1.0, LONGEST / max(shape))
    size = round(shape[1] * share), round(shape[0] * share)
    found = {}
    for multiple in {one for several in SETS for one in several}:
        logits = segmenter.logits(photo, scale=min(1.0, usual * float(multiple)))
        enlarged = Image.fromarray(logits[1] - logits[0]).resize(size, Image.Resampling.BILINEAR)
        found[multiple] = np.asarray(enlarged, dtype=np.float32)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every N-th photo alone")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    segmenter = descale.Segmenter.from_bundle(given.bundle, threads=1)
    threshold = segmenter.bundle.manifest.threshold
    counted: dict[tuple[tuple[str, ...], float, str], NDArray[np.float64]] = {}
    for number, (kind, photo, corroded) in enumerate(photos(given.data)):
        if number % given.every:
            continue
        seen = margins(segmenter, photo, corroded.shape)
        for several in SETS:
            mean = np.mean([seen[one] for one in several], axis=0)
            probabilities = np.asarray(1 / (1 + np.exp(-mean)), dtype=np.float32)
            for bound in BOUNDS:
                answer = decided(probabilities, threshold, bound)
                if kind == "clean":  # where all that is found is false
                    cell = (largest_false(answer, np.zeros_like(answer)) > ALARM, 1.0)
                else:
                    own = Image.fromarray(answer).resize(corroded.shape[::-1], Image.Resampling.NEAREST)
                    whole = np.asarray(own)
                    cell = ((whole & corroded).sum(), (whole | corroded).sum())
                counted[several, bound, kind] = counted.get((several, bound, kind), np.zeros(2)) + cell
        print(kind, photo.name, flush=True)
    with given.out.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["scales", "bound", "valid", "test", "bridges", "clean"])
        writer.writeheader()
        for several in SETS:
            for bound in BOUNDS:
                row: dict[str, object] = {"scales": " ".join(several), "bound": bound}
                for kind in ("valid", "test", "bridges", "clean"):
                    if (several, bound, kind) in counted:  # --every can leave a kind out
                        part, all_of_it = counted[several, bound, kind]
                        row[kind] = round(part / all_of_it, 4)
                writer.writerow(row)


if __name__ == "__main__":
    main()
