"""95 % intervals over images, scenes and seeds, and the test "no worse than a margin".

Percentile bootstrap (Efron & Tibshirani 1993, chapter 13). The unit that is drawn is the scene where
scenes are known, otherwise the image: photos of one scene resemble each other, and drawing them one by
one would make the interval too narrow. Several seeds of one model share the drawn images, and the seeds
themselves are drawn again as well. All scores come from per-image confusions, so a replicate costs one
row of a matrix product and no picture is read again. One scene alone has no interval: every draw is itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from descale.base.classes import ClassTable
from descale.evaluation.clusters import (
    Array,
    by_cluster,
    cluster_numbers,
    require_pairs,
    scene_count,
    weighted,
)
from descale.evaluation.confusion import ImageConfusions
from descale.evaluation.metrics import METRICS, Metric

REPLICATES = 2000
CONFIDENCE = 0.95
CHUNK = 250  # replicates at a time: bounds memory for splits of many thousand images


@dataclass(frozen=True)
class Interval:
    """A score with its bootstrap interval.

    Attributes:
        estimate: mean over seeds of the score on the images as they are.
        low, high: NaN where nothing can be drawn from: one scene, or a score that is not defined.
        clusters: how many scenes (or images, where scenes are unknown) were drawn from. With fewer than
            about 20 the interval is itself uncertain, and rather too narrow.
    """

    estimate: float
    low: float
    high: float
    images: int
    clusters: int
    seeds: int


@dataclass(frozen=True)
class Drop:
    """Score of the dense parent minus score of the pruned model on the same images, in 0..1.

    Attributes:
        interval: the drop with its two-sided 95 % interval; negative means that pruning helped.
        margin: the largest drop that counts as "no worse".
        upper: one-sided 95 % upper bound of the drop; NaN where there is no interval.
        p_value: of the hypothesis "the drop is at least the margin"; small means: no worse.
    """

    interval: Interval
    margin: float
    upper: float
    p_value: float

    @property
    def no_worse(self) -> bool:
        """Whether the test shows, at 5 %, that the drop is smaller than the margin."""
        return self.upper < self.margin


def score_interval(
    runs: Sequence[ImageConfusions],
    classes: ClassTable,
    metric: str = "iou_corrosion",
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Interval:
    """Interval of a score over images (by scene) and over the seeds in ``runs``.

    Args:
        runs: the same images, predicted by models that differ in the seed only; at least one.

    Raises:
        ValueError: no run, or runs over different images.
    """
    draws = _draw(runs, classes, METRICS[metric], replicates, seed)
    return _interval(draws, _estimate(runs, classes, metric), runs)


def paired_drop(
    dense: Sequence[ImageConfusions],
    pruned: Sequence[ImageConfusions],
    classes: ClassTable,
    metric: str = "iou_corrosion",
    *,
    margin: float = 0.01,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Drop:
    """Drop from dense to pruned, each pruned run paired with its own parent on the same drawn images.

    Args:
        dense, pruned: as many of one as of the other; position ``i`` is one seed.
        margin: 0.01 is one point of IoU.

    Raises:
        ValueError: numbers of runs or images differ.
    """
    require_pairs(dense, pruned)
    chosen = METRICS[metric]
    # The same seed draws the same images and the same runs on both sides: that is the pairing.
    draws = _draw(dense, classes, chosen, replicates, seed) - _draw(pruned, classes, chosen, replicates, seed)
    estimate = _estimate(dense, classes, metric) - _estimate(pruned, classes, metric)
    known = draws[~np.isnan(draws)]
    upper = float(np.quantile(known, CONFIDENCE)) if known.size else float("nan")
    p_value = (float((known >= margin).sum()) + 1) / (known.size + 1)
    return Drop(_interval(draws, estimate, dense), margin, upper, p_value)


def mean_interval(values: Array, *, replicates: int = REPLICATES, seed: int = 0) -> Interval:
    """Interval of the mean of one value per image, ``values`` ``(N,)``, over images.

    Without bounds where all values are the same: every draw is then the same, and looks like certainty.

    Raises:
        ValueError: there is no value.

    >>> found = mean_interval(np.array([0.0, 0.0, 1.0, 1.0]))
    >>> found.estimate, found.low, found.high, found.images
    (0.5, 0.0, 1.0, 4)
    """
    if not len(values):
        raise ValueError("a bootstrap needs at least one evaluated image")
    estimate, count = float(values.mean()), len(values)
    if (values == values[0]).all():
        return Interval(estimate, float("nan"), float("nan"), count, count, 1)
    chunks = range(-(-replicates // CHUNK))
    draws = np.concatenate([_multiplicities(count, seed, chunk, 0) @ values for chunk in chunks])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws[:replicates] / count, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high), count, count, 1)


def _estimate(runs: Sequence[ImageConfusions], classes: ClassTable, metric: str) -> float:
    return float(np.mean([METRICS[metric].of(run, classes) for run in runs]))


def _interval(draws: Array, estimate: float, runs: Sequence[ImageConfusions]) -> Interval:
    known = draws[~np.isnan(draws)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [tail, 1 - tail]) if known.size else (np.nan, np.nan)
    return Interval(estimate, float(low), float(high), len(runs[0]), scene_count(runs[0]), len(runs))


def _draw(
    runs: Sequence[ImageConfusions], classes: ClassTable, metric: Metric, replicates: int, seed: int
) -> Array:
    """Bootstrap replicates of the mean score over runs, ``(replicates,)``; NaN if there is one cluster."""
    if not runs or not len(runs[0]):
        raise ValueError("a bootstrap needs at least one evaluated image")
    if any(run.ids != runs[0].ids for run in runs):
        raise ValueError("the runs were evaluated on different images")
    cluster = cluster_numbers(runs[0])
    count = int(cluster.max()) + 1
    if count < 2:  # every draw would be the same, and look like certainty
        return np.full(replicates, np.nan)
    sums = [by_cluster(run, cluster, count, classes, metric) for run in runs]
    pieces = []
    for chunk in range(-(-replicates // CHUNK)):
        weights = _multiplicities(count, seed, chunk, 0)
        shares = _multiplicities(len(runs), seed, chunk, 1) / len(runs)
        scores = np.stack([weighted(weights, *parts, classes, metric) for parts in sums], axis=1)
        # A seed that was not drawn must not spoil the mean if its score is undefined.
        pieces.append(np.where(shares > 0, scores * shares, 0.0).sum(axis=1))
    return np.concatenate(pieces)[:replicates]


@lru_cache(maxsize=2 * REPLICATES // CHUNK)
def _multiplicities(count: int, seed: int, chunk: int, purpose: int) -> Array:
    """How often each of ``count`` units is drawn, ``(CHUNK, count)``; kept, as a report asks repeatedly."""
    random = np.random.default_rng((seed, chunk, purpose))
    return random.multinomial(count, np.full(count, 1 / count), size=CHUNK).astype(np.float64)
