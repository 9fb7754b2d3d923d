"""The photos that the packaged model is trained on: rust-photos, partly repainted, and drawn distractors.

    python experiments/packaged-model/make_data.py ../shared/data/rust-photos runs/data/packaged-model

Validation and test split are those of rust-photos. Every sixth training photo gets smooth paint in a colour
of rust where it is not corroded, and 120 drawn photos of car paint, copper, clean steel, brick, soil and wood
are added to the training split.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from descale.synthesize.distractors import draw_distractor, repaint

SEED = 0
DISTRACTORS = 120
EVERY = 6
SIZE = (512, 512)


def main(source: Path, target: Path) -> None:
    for split in ("train", "valid", "test"):
        (target / split / "images").mkdir(parents=True, exist_ok=True)
        (target / split / "masks").mkdir(parents=True, exist_ok=True)
        for number, photo in enumerate(sorted((source / split / "images").iterdir())):
            mask = source / split / "masks" / f"{photo.stem}.png"
            link(mask, target / split / "masks" / mask.name)
            place = target / split / "images" / photo.name
            if split != "train" or number % EVERY:
                link(photo, place)
                continue
            rng = np.random.default_rng((SEED, number, 3))
            pixels = np.asarray(Image.open(photo).convert("RGB"))
            place.unlink(missing_ok=True)
            painted = repaint(rng, pixels, np.asarray(Image.open(mask).convert("L")))
            Image.fromarray(painted).save(place, quality=92)
    for index in range(DISTRACTORS):
        scene = draw_distractor(SEED, index, SIZE)
        name = f"distractor-{index:04d}"
        Image.fromarray(scene.photo).save(target / "train/images" / f"{name}.jpg", quality=88)
        Image.fromarray(scene.severity).save(target / "train/masks" / f"{name}.png")
    print(target, {s: len(list((target / s / "images").iterdir())) for s in ("train", "valid", "test")})


def link(file: Path, place: Path) -> None:
    place.unlink(missing_ok=True)
    place.symlink_to(file.resolve(strict=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
