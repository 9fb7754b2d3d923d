"""Tell a collapsed model from a weak one."""

from __future__ import annotations

from dataclasses import dataclass

from descale.base.classes import ClassTable
from descale.evaluation.confusion import ImageConfusions
from descale.evaluation.floors import trivial_scores
from descale.evaluation.metrics import METRICS


@dataclass(frozen=True)
class Collapse:
    """Why a model counts as collapsed; no reason means that it does not."""

    reasons: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.reasons)


def find_collapse(confusions: ImageConfusions, classes: ClassTable) -> Collapse:
    """A model has collapsed if a constant answer is as good, or if it never predicts a class that is there.

    >>> import numpy as np
    >>> from descale.base.classes import BINARY
    >>> blind = ImageConfusions(("a",), ("",), np.array([[[90, 0], [10, 0]]]))
    >>> find_collapse(blind, BINARY).reasons
    ('corrosion IoU 0.000 is not above the trivial 0.100', 'never predicts corrosion')
    """
    metric = METRICS["iou_corrosion"]
    reached, trivial = metric.of(confusions, classes), trivial_scores(confusions, classes)[metric.name]
    reasons = []
    if reached <= trivial:
        reasons.append(f"corrosion IoU {reached:.3f} is not above the trivial {trivial:.3f}")
    present, predicted = confusions.total.sum(axis=1), confusions.total.sum(axis=0)
    reasons += [
        f"never predicts {name}"
        for name, there, said in zip(classes.names, present, predicted, strict=True)
        if there and not said
    ]
    return Collapse(tuple(reasons))
