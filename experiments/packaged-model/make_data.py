"""The photos that the packaged model is trained on: rust-photos, partly repainted, and distractors.

    python experiments/packaged-model/make_data.py ../shared/data/rust-photos runs/data/packaged-model

Validation and test split are those of rust-photos. Of the training photos every sixth gets smooth paint in a
colour of rust where it is not corroded, and every sixth keeps its texture there and gets the colours of rust,
copper, clay or paint. Added are parts of training photos without corrosion, twice each in other such colours,
240 drawn photos of car paint, copper, clean steel, brick, soil and wood, and 160 drawn photos of corroded
steel: with drawings of sound things alone, a network learns that what is drawn is sound.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from descale.synthesize import draw_scene
from descale.synthesize.distractors import draw_distractor, recolour, repaint

SEED = 0
DISTRACTORS, DRAWN = 240, 160
PARTS = 150
COLOURINGS = 2
"""How often each part without corrosion is taken, each time in other colours."""
EVERY = 6
CHANGES = {0: repaint, 3: recolour}
"""What is done to a training photo, by its number modulo ``EVERY``."""
SIZE = (512, 512)


def main(source: Path, target: Path) -> None:
    for split in ("train", "valid", "test"):
        (target / split / "images").mkdir(parents=True, exist_ok=True)
        (target / split / "masks").mkdir(parents=True, exist_ok=True)
        for number, photo in enumerate(sorted((source / split / "images").iterdir())):
            mask = source / split / "masks" / f"{photo.stem}.png"
            link(mask, target / split / "masks" / mask.name)
            place = target / split / "images" / photo.name
            change = CHANGES.get(number % EVERY) if split == "train" else None
            if change is None:
                link(photo, place)
                continue
            rng = np.random.default_rng((SEED, number, 3))
            pixels = np.asarray(Image.open(photo).convert("RGB"))
            place.unlink(missing_ok=True)
            changed = change(rng, pixels, np.asarray(Image.open(mask).convert("L")))
            Image.fromarray(changed).save(place, quality=92)
    for kind, number_of, draw in (("distractor", DISTRACTORS, draw_distractor), ("drawn", DRAWN, draw_scene)):
        for index in range(number_of):
            scene = draw(SEED, index, SIZE)
            corroded = ((scene.severity > 0) * 255).astype(np.uint8)
            Image.fromarray(scene.photo).save(target / f"train/images/{kind}-{index:04d}.jpg", quality=88)
            Image.fromarray(corroded).save(target / f"train/masks/{kind}-{index:04d}.png")
    for colouring in range(COLOURINGS):
        add_parts(source / "train", target / "train", colouring)
    print(target, {s: len(list((target / s / "images").iterdir())) for s in ("train", "valid", "test")})


def add_parts(source: Path, target: Path, colouring: int) -> None:
    """Parts of training photos without corrosion, enlarged to a photo and recoloured."""
    rng = np.random.default_rng((SEED, 4, colouring))
    for stem, pixels in itertools.islice(sound_parts(source, rng), PARTS):
        Image.fromarray(pixels).save(target / f"images/part-{colouring}-{stem}.jpg", quality=90)
        Image.fromarray(np.zeros(SIZE, np.uint8)).save(target / f"masks/part-{colouring}-{stem}.png")


def sound_parts(source: Path, rng: np.random.Generator) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Stem and recoloured pixels of a part without corrosion of each photo of a split that has one."""
    photos = sorted((source / "images").iterdir())
    for place in rng.permutation(len(photos)):
        photo = photos[place]
        label = np.asarray(Image.open(source / "masks" / f"{photo.stem}.png").convert("L")) > 0
        height, width = label.shape
        for _ in range(20):
            part = int(min(height, width) * rng.uniform(0.5, 0.8))
            top, left = int(rng.integers(height - part + 1)), int(rng.integers(width - part + 1))
            if not label[top : top + part, left : left + part].any():
                box = (left, top, left + part, top + part)
                pixels = np.asarray(Image.open(photo).convert("RGB").crop(box).resize(SIZE[::-1]))
                yield photo.stem, recolour(rng, pixels, np.zeros(SIZE, np.uint8))
                break


def link(file: Path, place: Path) -> None:
    place.unlink(missing_ok=True)
    place.symlink_to(file.resolve(strict=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
