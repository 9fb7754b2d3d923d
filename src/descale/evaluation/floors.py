"""Two floors that a network must clear to be worth its cost: a constant answer, and colour alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descale.base.classes import IGNORED, ClassTable
from descale.evaluation.confusion import Counts, ImageConfusions
from descale.evaluation.metrics import METRICS, constant_counts

HUE_BINS, SATURATION_BINS, VALUE_BINS = 36, 16, 16
PIXELS_PER_IMAGE = 4096

Pixels = NDArray[np.uint8]


def trivial_scores(confusions: ImageConfusions, classes: ClassTable) -> dict[str, float]:
    """For each metric, the score of the best predictor that gives every pixel the same class.

    The best is taken metric by metric, so the floor is the highest that any constant answer reaches:
    for ``iou_corrosion`` it is "all corroded", for ``iou_paper`` usually "all background".
    Only the truth in ``confusions`` matters, not the prediction.
    """
    constant = [
        ImageConfusions(confusions.ids, confusions.groups, constant_counts(confusions.truth, k))
        for k in range(len(classes))
    ]
    floors = {name: [metric.of(answer, classes) for answer in constant] for name, metric in METRICS.items()}
    return {
        name: max((value for value in values if not np.isnan(value)), default=float("nan"))
        for name, values in floors.items()
    }


@dataclass(frozen=True)
class ColourThreshold:
    """Corroded is what lies in a box of hue, saturation and value; everything else is background.

    All in bins. Hue wraps around: ``hue_first`` plus ``hue_width`` may exceed the number of hue bins.

    Attributes:
        saturation: lowest saturation of corrosion.
        value: darkest value of corrosion, and the first that is too bright.
        answer: class id given to a corroded pixel (the commonest corrosion class of the training split).
    """

    hue_first: int
    hue_width: int
    saturation: int
    value: tuple[int, int]
    answer: int

    def predict(self, image: Pixels) -> NDArray[np.uint8]:
        """Class ids ``(...)`` of RGB pixels ``(..., 3)``, 0..255."""
        hue, saturation, value = hsv_bins(image)
        inside = ((hue - self.hue_first) % HUE_BINS) < self.hue_width
        inside &= (saturation >= self.saturation) & (value >= self.value[0]) & (value < self.value[1])
        return np.where(inside, self.answer, 0).astype(np.uint8)

    def describe(self) -> str:
        """The box in degrees and per cent.

        >>> ColourThreshold(35, 5, 6, (2, 12), 1).describe()
        'hue 350..40 degrees, saturation from 38 %, value 12..75 %'
        """
        step = 360 // HUE_BINS
        first, last = self.hue_first * step, (self.hue_first + self.hue_width) * step
        last = last % 360 if last > 360 else last
        saturation = 100 * self.saturation / SATURATION_BINS
        darkest, above = (100 * bound / VALUE_BINS for bound in self.value)
        return (
            f"hue {first}..{last} degrees, saturation from {saturation:.0f} %, "
            f"value {darkest:.0f}..{above:.0f} %"
        )


def fit_colour_threshold(
    pairs: Iterable[tuple[Pixels, NDArray[np.uint8]]], classes: ClassTable
) -> ColourThreshold:
    """Find the box of hue, saturation and value with the highest IoU of "corroded or not".

    Every box on the grid is tried (36 hues, 16 saturations, 16 values), so the result is the optimum of
    the grid and the same every time. At most 4096 evenly spaced pixels of each image are looked at.

    Args:
        pairs: images ``(H, W, 3)`` RGB 0..255 with their id masks ``(H, W)``, of the training split.

    Raises:
        ValueError: there is no image.
    """
    histogram = np.zeros((2, HUE_BINS, SATURATION_BINS, VALUE_BINS), dtype=np.int64)
    by_class = np.zeros(len(classes), dtype=np.int64)
    corroded_ids = np.isin(np.arange(len(classes)), classes.corrosion_ids)
    for image, mask in pairs:
        step = max(1, -(-mask.size // PIXELS_PER_IMAGE))
        # A step that shares a factor with the width would look at a few columns only.
        while np.gcd(step, mask.shape[1]) > 1:
            step += 1
        pixels, ids = image.reshape(-1, 3)[::step], mask.ravel()[::step]
        pixels, ids = pixels[ids != IGNORED], ids[ids != IGNORED]
        hue, saturation, value = hsv_bins(pixels)
        cell = np.ravel_multi_index(
            (corroded_ids[ids].astype(np.intp), hue, saturation, value), histogram.shape
        )
        histogram += np.bincount(cell, minlength=histogram.size).reshape(histogram.shape)
        by_class += np.bincount(ids, minlength=len(classes))
    if not by_class.any():
        raise ValueError("a colour threshold needs at least one training image")
    answer = max(classes.corrosion_ids, key=lambda k: (by_class[k], -k))
    return _best_box(histogram[1], histogram[0], answer)


def hsv_bins(pixels: Pixels) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Hue, saturation and value bins of RGB pixels ``(..., 3)``; greys have hue 0 and saturation 0."""
    rgb = pixels.astype(np.float32)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    value = rgb.max(axis=-1)
    chroma = value - rgb.min(axis=-1)
    safe = np.where(chroma > 0, chroma, 1)
    sixth = np.where(
        value == red,
        (green - blue) / safe,
        np.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = np.where(chroma > 0, (sixth % 6) * (HUE_BINS / 6), 0).astype(np.intp) % HUE_BINS
    saturation = chroma / np.where(value > 0, value, 1)
    return (
        hue,
        np.minimum((saturation * SATURATION_BINS).astype(np.intp), SATURATION_BINS - 1),
        np.minimum((value * (VALUE_BINS / 256)).astype(np.intp), VALUE_BINS - 1),
    )


def _best_box(corroded: Counts, sound: Counts, answer: int) -> ColourThreshold:
    total = int(corroded.sum())
    best_iou, best = -1.0, (0, HUE_BINS, 0, 0, VALUE_BINS)
    hits_sums, false_sums = _box_sums(corroded), _box_sums(sound)
    for width in range(1, HUE_BINS + 1):
        hits = _hue_windows(hits_sums, width)
        union = total + _hue_windows(false_sums, width)
        iou = np.divide(hits, union, out=np.zeros(hits.shape), where=union > 0)
        index = np.unravel_index(int(np.argmax(iou)), iou.shape)
        if iou[index] > best_iou:
            first, saturation, darkest, brightest = (int(i) for i in index)
            best_iou, best = float(iou[index]), (first, width, saturation, darkest, brightest + 1)
    first, width, saturation, darkest, above = best
    return ColourThreshold(first, width, saturation, (darkest, above), answer)


def _box_sums(histogram: Counts) -> Counts:
    """``(H, S, V)`` to sums ``(H, s, v0, v1)`` over saturations from ``s`` up and values ``v0..v1``.

    Ranges that end before they begin hold 0.
    """
    at_least = np.cumsum(histogram[:, ::-1], axis=1)[:, ::-1]
    edges = np.concatenate([np.zeros_like(at_least[..., :1]), np.cumsum(at_least, axis=-1)], axis=-1)
    spans = edges[..., None, 1:] - edges[..., :-1, None]
    return np.where(np.triu(np.ones((VALUE_BINS, VALUE_BINS), dtype=bool)), spans, 0)


def _hue_windows(sums: Counts, width: int) -> Counts:
    """Sums over ``width`` neighbouring hues, starting at each hue, around the circle."""
    circular = np.concatenate([np.zeros_like(sums[:1]), sums, sums[: width - 1]])
    edges = np.cumsum(circular, axis=0)
    return edges[width:] - edges[:-width]
