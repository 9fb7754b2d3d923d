"""Scores from confusion matrices: what each one is, and which of them is the headline.

* ``iou_corrosion`` (headline): data-set IoU of the corrosion classes. True and false positives are
  summed over the whole split before dividing. With several corrosion classes it is the mean of their
  IoUs, so that a rare, severe class weighs as much as a common, mild one.
* ``f1_corrosion``: the same with F1 (Dice).
* ``iou_corrosion_union``: "corroded or not", all corrosion classes pooled into one. Equal to the
  headline when there is one corrosion class.
* ``iou_mean``: mean of the data-set IoU over all classes, background included.
* ``iou_paper``: the metric of Yu et al. 2025 (doi 10.1109/ACCESS.2025.3562435): per image, true positives
  of all classes over (true positives + false positives + false negatives) of all classes, background
  included; then the mean over images. It has a high floor: a constant prediction scores well.
* ``iou_image``: the metric of the same authors' binary runs: per image, the IoU of "corroded"; then the mean
  over images. As there, an image without corrosion scores 1 if none was found in it and 0 otherwise.

An image without any labelled pixel, all of it to be ignored, counts in no score.

A class that is neither in the truth nor in the prediction has no IoU (NaN). Means are over the classes that
are labelled; where no corrosion is labelled, its scores are not defined (NaN), whatever was predicted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.base.classes import ClassTable
from descale.evaluation.confusion import Counts, ImageConfusions

Array = NDArray[np.float64]
Compute = Callable[[NDArray[Any], tuple[int, ...]], Array]


def class_iou(counts: NDArray[Any]) -> Array:
    """IoU of each class, ``(..., K, K)`` counts to ``(..., K)``; NaN where a class occurs nowhere.

    >>> class_iou(np.array([[6, 2], [1, 1]])).tolist()
    [0.66..., 0.25]
    """
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return _ratio(hits, counts.sum(axis=-1) + counts.sum(axis=-2) - hits)


def class_f1(counts: NDArray[Any]) -> Array:
    """F1 (Dice) of each class, ``(..., K, K)`` counts to ``(..., K)``; NaN where a class occurs nowhere."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return _ratio(2 * hits, counts.sum(axis=-1) + counts.sum(axis=-2))


def merge_corrosion(counts: NDArray[Any], corrosion_ids: tuple[int, ...]) -> NDArray[Any]:
    """Pool all corrosion classes into one: ``(..., K, K)`` counts to ``(..., 2, 2)``."""
    corroded = np.zeros(counts.shape[-1], dtype=counts.dtype)
    corroded[list(corrosion_ids)] = 1
    membership = np.stack([1 - corroded, corroded])  # (2, K)
    return membership @ counts @ membership.T


def _iou_corrosion(counts: NDArray[Any], corrosion_ids: tuple[int, ...]) -> Array:
    return _mean_of_labelled(class_iou(counts), counts, corrosion_ids)


def _f1_corrosion(counts: NDArray[Any], corrosion_ids: tuple[int, ...]) -> Array:
    return _mean_of_labelled(class_f1(counts), counts, corrosion_ids)


def _iou_corrosion_union(counts: NDArray[Any], corrosion_ids: tuple[int, ...]) -> Array:
    return _mean_of_labelled(class_iou(pooled := merge_corrosion(counts, corrosion_ids)), pooled, (1,))


def _iou_mean(counts: NDArray[Any], corrosion_ids: tuple[int, ...]) -> Array:
    return _mean_of_labelled(class_iou(counts), counts, tuple(range(counts.shape[-1])))


def _iou_micro(counts: NDArray[Any], corrosion_ids: tuple[int, ...]) -> Array:
    hits = np.trace(counts, axis1=-2, axis2=-1)
    return _ratio(hits, 2 * counts.sum(axis=(-2, -1)) - hits)


def _iou_image(counts: NDArray[Any], corrosion_ids: tuple[int, ...]) -> Array:
    iou = class_iou(merge_corrosion(counts, corrosion_ids))[..., 1]
    labelled = counts.sum(axis=(-2, -1)) > 0
    return np.where(np.isnan(iou) & labelled, 1.0, iou)


@dataclass(frozen=True)
class Metric:
    """A score of a split.

    Attributes:
        compute: ``(..., K, K)`` counts and the corrosion ids to ``(...)`` scores in 0..1.
        imagewise: computed per image, then averaged over images; otherwise computed once from the
            counts of the whole split.
    """

    name: str
    compute: Compute
    imagewise: bool = False

    def of(self, confusions: ImageConfusions, classes: ClassTable) -> float:
        """The score of a split; NaN where it is not defined: of corrosion, where none is labelled."""
        counts = confusions.counts if self.imagewise else confusions.total
        scores = self.compute(counts, classes.corrosion_ids)
        defined = scores[~np.isnan(scores)]
        return float(np.mean(defined)) if defined.size else float("nan")


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("iou_corrosion", _iou_corrosion),
        Metric("f1_corrosion", _f1_corrosion),
        Metric("iou_corrosion_union", _iou_corrosion_union),
        Metric("iou_mean", _iou_mean),
        Metric("iou_paper", _iou_micro, imagewise=True),
        Metric("iou_image", _iou_image, imagewise=True),
    )
}


@dataclass(frozen=True)
class Scores:
    """All scores of one split; each in 0..1, NaN where not defined."""

    iou_corrosion: float
    f1_corrosion: float
    iou_corrosion_union: float
    iou_mean: float
    iou_paper: float
    iou_image: float
    iou_by_class: tuple[float, ...]


def score(confusions: ImageConfusions, classes: ClassTable) -> Scores:
    """Compute every score of a split.

    Raises:
        ValueError: the matrices do not have one row and column per class of the table.

    >>> from descale.base.classes import BINARY
    >>> counts = np.array([[[90, 2], [4, 4]], [[98, 0], [1, 1]]])
    >>> round(score(ImageConfusions(("a", "b"), ("", ""), counts), BINARY).iou_corrosion, 4)
    0.4167
    """
    if confusions.classes != len(classes):
        raise ValueError(f"confusions of {confusions.classes} classes, class table of {len(classes)}")
    named = {name: metric.of(confusions, classes) for name, metric in METRICS.items()}
    return Scores(**named, iou_by_class=tuple(class_iou(confusions.total).tolist()))


def imagewise_iou(confusions: ImageConfusions, classes: ClassTable) -> Array:
    """Headline IoU of each image on its own, ``(N,)``; for ranking pictures, not for reporting.

    Of an image without corrosion it is NaN, or 0 if some was predicted.
    """
    corroded = list(classes.corrosion_ids)
    said = confusions.counts[..., corroded].sum(axis=(-2, -1)) > 0
    iou = _iou_corrosion(confusions.counts, classes.corrosion_ids)
    return np.where(np.isnan(iou) & said, 0.0, iou)


def constant_counts(truth: Counts, predicted: int) -> Counts:
    """Counts of a predictor that says ``predicted`` everywhere: truth ``(..., K)`` to ``(..., K, K)``."""
    counts = np.zeros((*truth.shape, truth.shape[-1]), dtype=np.int64)
    counts[..., predicted] = truth
    return counts


def _ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> Array:
    out = np.full(np.shape(denominator), np.nan)
    return np.divide(numerator, denominator, out=out, where=np.asarray(denominator) > 0)


def _mean_of_labelled(values: Array, counts: NDArray[Any], ids: tuple[int, ...]) -> Array:
    """Mean over the classes that occur in the labels; NaN where none does, whatever was predicted.

    Were a class that is only predicted counted too, as 0, one stray pixel of it would take a third off the
    score of one network and not of the other, and that would pass for a drop.
    """
    chosen = list(ids)
    labelled = counts.sum(axis=-1)[..., chosen] > 0
    return _ratio(np.where(labelled, values[..., chosen], 0.0).sum(axis=-1), labelled.sum(axis=-1))
