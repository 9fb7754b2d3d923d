"""Which scenes a drop comes from: the drop measured again without each of them.

A micro-averaged IoU adds up pixels, so one scene that a network takes for corrosion as a whole can weigh more
than thirty others together. The interval then is wide; this says why, and where to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from descale.base.classes import ClassTable
from descale.evaluation.clusters import Array, by_cluster, cluster_numbers, require_pairs, weighted
from descale.evaluation.confusion import ImageConfusions
from descale.evaluation.metrics import METRICS


@dataclass(frozen=True)
class SceneInfluence:
    """What one scene does to a drop.

    Attributes:
        scene: its name, or the image's id where scenes are not known.
        images: ids of its images.
        without: the drop over all other images, in 0..1; negative means a gain.
        share: drop over all images minus ``without``: positive where the scene makes the drop larger.
    """

    scene: str
    images: tuple[str, ...]
    without: float
    share: float


def scene_influences(
    dense: Sequence[ImageConfusions],
    pruned: Sequence[ImageConfusions],
    classes: ClassTable,
    metric: str = "iou_corrosion",
) -> tuple[SceneInfluence, ...]:
    """Influence of every scene on the drop from dense to pruned, the largest first.

    Args:
        dense, pruned: as for :func:`descale.evaluation.bootstrap.paired_drop`; position ``i`` is one seed.

    Returns:
        One entry a scene; none where there is only one scene, or where the score is unknown without it.

    Raises:
        ValueError: numbers of runs or images differ.
    """
    require_pairs(dense, pruned)
    cluster, chosen = cluster_numbers(dense[0]), METRICS[metric]
    count = int(cluster.max()) + 1
    if count < 2:
        return ()
    # every scene once, then all but one of them
    weights = np.concatenate([np.ones((1, count)), 1.0 - np.eye(count)])

    def scores(run: ImageConfusions) -> Array:
        return weighted(weights, *by_cluster(run, cluster, count, classes, chosen), classes, chosen)

    drops = np.mean([scores(one) - scores(other) for one, other in zip(dense, pruned, strict=True)], axis=0)
    found = []
    for number, without in enumerate(drops[1:].tolist()):
        members = np.flatnonzero(cluster == number)
        images = tuple(dense[0].ids[index] for index in members)
        scene = dense[0].groups[members[0]] or images[0]
        if not np.isnan(without):
            found.append(SceneInfluence(scene, images, without, float(drops[0]) - without))
    return tuple(sorted(found, key=lambda entry: -abs(entry.share)))
