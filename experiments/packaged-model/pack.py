"""Choose how a pruned model decides, score it, and put it in the package.

    python experiments/packaged-model/pack.py runs/packaged-recovered/model ../shared/data

A pixel is corrosion from a threshold on, and a patch counts if its mean probability reaches a bound. Of all
pairs that lose at most two points of validation IoU against the best, the quietest is taken: that with the
fewest false alarms on validation photos (a large patch that is hardly labelled), on distractors drawn with
another seed, and on recoloured parts of validation photos without corrosion. The test split and the photos of
clean metal are only scored.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from make_data import SIZE, sound_parts
from numpy.typing import NDArray
from PIL import Image

import descale
from descale.evaluation.model_scores import false_alarms
from descale.models import load_model, save_model
from descale.runtime.patches import SAMPLED, drop_faint, find_patches
from descale.synthesize.distractors import draw_distractor

HERE = Path(__file__).parent
PACKAGED = HERE.parents[1] / "src/descale/runtime/packaged/corrosion.zip"
THRESHOLDS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.85)
BOUNDS = (0.0, 0.6, 0.7, 0.8, 0.82, 0.84, 0.86, 0.88, 0.9)
ALLOWED = 0.02
DISTRACTORS, SEED = 100, 1
ALARM = 0.005
"""Share of a picture from which on a patch is a false alarm."""
LABELLED = 0.1
"""Of a patch on a validation photo; below it the patch is false."""
COMPARED_ON = 12

Probabilities = NDArray[np.float32]
Mask = NDArray[np.bool_]


def main(pruned: Path, shared: Path) -> None:
    model, data = load_model(pruned), HERE / "data.yaml"
    photos = sorted((shared / "rust-photos/valid/images").iterdir())
    compared = photos[:: len(photos) // COMPARED_ON]
    with tempfile.TemporaryDirectory() as scratch:
        draft = descale.export(pruned, Path(scratch) / "draft.zip", photos=compared).path
        threshold, bound = choose(descale.Segmenter.from_bundle(draft), shared / "rust-photos/valid")
        chosen = Path(scratch) / "model"
        save_model(
            chosen, replace(model, spec=replace(model.spec, threshold=threshold, patch_confidence=bound))
        )
        for split in ("valid", "test"):
            summary = descale.evaluate(chosen, data, split=split, keep_scores=True).summary
            print(f"{split}: {summary.intervals['iou_corrosion']}", flush=True)
        false_alarms(chosen, shared / "web-photos/clean-metal", keep_scores=True)
        PACKAGED.unlink(missing_ok=True)
        exported = descale.export(
            chosen, PACKAGED, photos=compared, half_weights=True, card_note=HERE / "card.md"
        )
    print(exported.path, f"{exported.path.stat().st_size / 1e6:.2f} MB", exported.parity)


def choose(segmenter: descale.Segmenter, valid: Path) -> tuple[float, float]:
    """The quietest threshold and bound that keep the validation IoU."""
    pairs = list(itertools.product(THRESHOLDS, BOUNDS))
    overlap, alarms = dict.fromkeys(pairs, np.zeros(2)), dict.fromkeys(pairs, 0)
    photos = sorted((valid / "images").iterdir())
    for photo in photos:
        label = np.asarray(Image.open(valid / "masks" / f"{photo.stem}.png").convert("L")) > 0
        found = probabilities(segmenter, photo, label.shape)
        for pair in pairs:
            answer = decided(found, *pair)
            alarms[pair] += largest_false(answer, label) > ALARM
            overlap[pair] = overlap[pair] + ((answer & label).sum(), (answer | label).sum())
    sound = [draw_distractor(SEED, index, SIZE).photo for index in range(DISTRACTORS)]
    sound += [part for _, part in sound_parts(valid, np.random.default_rng((SEED, 5)))]
    for picture in sound:
        found = probabilities(segmenter, picture, picture.shape[:2])
        nothing = np.zeros(picture.shape[:2], np.bool_)
        for pair in pairs:
            alarms[pair] += largest_false(decided(found, *pair), nothing) > ALARM
    iou = {pair: float(inside / either) for pair, (inside, either) in overlap.items()}
    for pair in pairs:
        print(
            f"threshold {pair[0]}, bound {pair[1]}: {iou[pair]:.3f}, "
            f"{alarms[pair]} of {len(photos) + len(sound)}",
            flush=True,
        )
    good = [pair for pair in pairs if iou[pair] >= max(iou.values()) - ALLOWED]
    taken = min(good, key=lambda pair: (alarms[pair], -iou[pair]))
    print(f"taken: {taken}")
    return taken


def probabilities(
    segmenter: descale.Segmenter, photo: Path | NDArray[np.uint8], size: tuple[int, int]
) -> Probabilities:
    """Of corrosion, 0..1, at the photo's own size (height, width)."""
    logits = segmenter.logits(photo)
    margin = Image.fromarray(logits[1] - logits[0]).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(1 / (1 + np.exp(-np.asarray(margin))), dtype=np.float32)


def decided(found: Probabilities, threshold: float, bound: float) -> Mask:
    """What is called corrosion."""
    answer = found >= threshold
    drop_faint(answer, found[::SAMPLED, ::SAMPLED], bound)
    return answer


def largest_false(answer: Mask, label: Mask) -> float:
    """Share of the picture that the largest patch covers of which next to nothing is labelled."""
    patches = find_patches(answer)
    runs, before = patches.runs, np.pad(label.cumsum(axis=1), ((0, 0), (1, 0)))
    labelled = np.zeros(len(patches), np.int64)
    np.add.at(labelled, patches.labels, before[runs.row, runs.stop] - before[runs.row, runs.start])
    return float(patches.areas[labelled < LABELLED * patches.areas].max(initial=0) / answer.size)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
