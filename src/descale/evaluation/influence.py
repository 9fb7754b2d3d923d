"""Which scenes a drop comes from: the drop measured again without each of them.

A micro-averaged IoU adds up pixels, so one scene that a network takes for corrosion as a whole can weigh more
than thirty others together. The interval then is wide; this says why, and where to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from descale.evaluation.confusion import ImageConfusions
from descale.evaluation.metrics import METRICS
from descale.runtime.classes import ClassTable


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
    if not dense or len(dense) != len(pruned):
        raise ValueError(f"{len(dense)} dense runs cannot be paired with {len(pruned)} pruned ones")
    ids = dense[0].ids
    if any(run.ids != ids for run in (*dense, *pruned)):
        raise ValueError("the dense and the pruned models were evaluated on different images")
    scenes: dict[tuple[bool, str], list[int]] = {}
    for index, (name, group) in enumerate(zip(ids, dense[0].groups, strict=True)):
        scenes.setdefault((bool(group), group or name), []).append(index)
    if len(scenes) < 2:
        return ()

    def drop(rows: np.ndarray) -> float:
        chosen = METRICS[metric]
        return float(
            np.mean(
                [
                    chosen.of(_rows(parent, rows), classes) - chosen.of(_rows(child, rows), classes)
                    for parent, child in zip(dense, pruned, strict=True)
                ]
            )
        )

    whole = drop(np.arange(len(ids)))
    found = []
    for (_, scene), members in scenes.items():
        without = drop(np.setdiff1d(np.arange(len(ids)), members))
        if not np.isnan(without):
            found.append(SceneInfluence(scene, tuple(ids[i] for i in members), without, whole - without))
    return tuple(sorted(found, key=lambda entry: -abs(entry.share)))


def _rows(run: ImageConfusions, rows: np.ndarray) -> ImageConfusions:
    return ImageConfusions(
        tuple(run.ids[i] for i in rows), tuple(run.groups[i] for i in rows), run.counts[rows]
    )
