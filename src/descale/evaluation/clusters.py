"""Per-image confusions added up by scene, and scores of any weighting of the scenes.

Photos of one scene resemble each other, so intervals and influences move scenes, not photos. A weighting
costs one row of a matrix product and no picture is read again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from descale.base.classes import ClassTable
from descale.evaluation.confusion import ImageConfusions
from descale.evaluation.metrics import Metric

Array = NDArray[np.float64]


def cluster_numbers(run: ImageConfusions) -> NDArray[np.intp]:
    """Cluster number of each image: its scene, or itself where the scene is not known."""
    keys = [
        f"scene {group}" if group else f"image {name}"
        for name, group in zip(run.ids, run.groups, strict=True)
    ]
    _, numbers = np.unique(keys, return_inverse=True)
    return numbers.astype(np.intp).reshape(-1)


def scene_count(run: ImageConfusions) -> int:
    """How many scenes (or images, where scenes are unknown) an interval is drawn from."""
    return int(cluster_numbers(run).max()) + 1


def by_cluster(
    run: ImageConfusions, cluster: NDArray[np.intp], count: int, classes: ClassTable, metric: Metric
) -> tuple[Array, Array]:
    """Per cluster: summed confusions or summed image scores, flattened, and the number of images that have a
    score."""
    values = metric.compute(run.counts, classes.corrosion_ids) if metric.imagewise else run.counts
    flat = values.reshape(len(run), -1).astype(np.float64)
    defined = ~np.isnan(flat).any(axis=1)
    sums = np.zeros((count, flat.shape[1]))
    np.add.at(sums, cluster[defined], flat[defined])
    return sums, np.bincount(cluster[defined], minlength=count).astype(np.float64)


def weighted(weights: Array, sums: Array, images: Array, classes: ClassTable, metric: Metric) -> Array:
    """Score of each row of ``weights`` ``(R, clusters)``, from what :func:`by_cluster` gives: ``(R,)``."""
    totals = weights @ sums
    if metric.imagewise:
        scored = weights @ images
        return np.divide(totals[:, 0], scored, out=np.full(len(scored), np.nan), where=scored > 0)
    return metric.compute(totals.reshape(len(totals), len(classes), len(classes)), classes.corrosion_ids)


def require_pairs(dense: Sequence[ImageConfusions], pruned: Sequence[ImageConfusions]) -> None:
    """Refuse runs that cannot be compared one by one.

    Raises:
        ValueError: numbers of runs or images differ.
    """
    if not dense or len(dense) != len(pruned):
        raise ValueError(f"{len(dense)} dense runs cannot be paired with {len(pruned)} pruned ones")
    if any(run.ids != dense[0].ids for run in (*dense, *pruned)):
        raise ValueError("the dense and the pruned model were evaluated on different images")
