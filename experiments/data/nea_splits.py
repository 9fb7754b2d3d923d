"""Lay NEA out by one of its other splits: folders of links beside the set.

    python experiments/data/nea_splits.py ../shared/data/nea runs/data

makes ``runs/data/nea-authors`` (`binary_split`: 237 frames to train on, 26 to watch, 29 to test) and
``runs/data/nea-apart`` (`apart_split`: 83 of the upper wall to train on, 9 to watch, 83 of the lower wall to
test; frames between are left out). The frames to watch, the validation split, are every tenth of those that
the split trains on. The set's own folders hold `paper_split`.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

NAMES = {"binary_split": "nea-authors", "apart_split": "nea-apart"}
EVERY = 10


def main(source: Path, target: Path) -> None:
    with (source / "index.csv").open(encoding="utf-8", newline="") as stream:
        frames = list(csv.DictReader(stream))
    for column, name in NAMES.items():
        seen = 0
        for frame in frames:
            split = frame[column]
            if split == "train":
                seen += 1
                split = "valid" if seen % EVERY == 0 else "train"
            if split:
                link(source / frame["file"], target / name / split / "images")
                link(mask_of(source / frame["file"]), target / name / split / "masks")
        found = {
            split: len(list((target / name / split / "images").iterdir()))
            for split in ("train", "valid", "test")
        }
        print(target / name, found)


def mask_of(photo: Path) -> Path:
    return photo.parents[1] / "masks" / f"{photo.stem}.png"


def link(file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / file.name
    place.unlink(missing_ok=True)
    place.symlink_to(file.resolve(strict=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
