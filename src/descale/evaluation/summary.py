"""Everything that is reported about one model on one split, as one value and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from descale.base.classes import ClassTable
from descale.evaluation.bootstrap import Drop, Interval, score_interval
from descale.evaluation.collapse import Collapse, find_collapse
from descale.evaluation.confusion import ImageConfusions
from descale.evaluation.floors import trivial_scores
from descale.evaluation.metrics import METRICS, Scores, score


@dataclass(frozen=True, eq=False)
class Summary:
    """Scores of one model on one split, beside the floors they must clear.

    Attributes:
        trivial: by metric, the best score of a constant answer.
        colour: scores of the colour threshold, if one was fitted.
        intervals: by metric, the 95 % bootstrap interval.
    """

    confusions: ImageConfusions
    classes: ClassTable
    scores: Scores
    trivial: dict[str, float]
    colour: Scores | None
    intervals: dict[str, Interval]
    collapse: Collapse

    @property
    def defined(self) -> bool:
        """Whether there are scores of corrosion: not where none is labelled."""
        return not math.isnan(self.scores.iou_corrosion)

    def to_json(self) -> dict[str, Any]:
        """Plain values; a score that is not defined is ``None``."""
        return {
            "images": len(self.confusions),
            "classes": list(self.classes.names),
            "scores": _plain(asdict(self.scores)),
            "intervals": {name: _plain(asdict(interval)) for name, interval in self.intervals.items()},
            "trivial": _plain(self.trivial),
            "colour": _plain(asdict(self.colour)) if self.colour else None,
            "collapsed": list(self.collapse.reasons),
            "confusion_matrix": self.confusions.total.tolist(),
        }


def summarise(
    confusions: ImageConfusions, classes: ClassTable, *, colour: ImageConfusions | None = None
) -> Summary:
    """Compute scores, floors, intervals and the collapse flag of one run.

    Args:
        colour: confusions of the colour threshold on the same images.
    """
    return Summary(
        confusions=confusions,
        classes=classes,
        scores=score(confusions, classes),
        trivial=trivial_scores(confusions, classes),
        colour=score(colour, classes) if colour is not None else None,
        intervals={name: score_interval([confusions], classes, name) for name in METRICS},
        collapse=find_collapse(confusions, classes),
    )


def result_columns(summary: Summary) -> dict[str, float | str | None]:
    """The columns of ``results.csv`` that follow from a summary; ``None`` where not defined or not fitted."""
    interval = summary.intervals["iou_corrosion"]
    columns: dict[str, float | None] = {
        "iou_corrosion": summary.scores.iou_corrosion,
        "iou_corrosion_low": interval.low,
        "iou_corrosion_high": interval.high,
        "f1_corrosion": summary.scores.f1_corrosion,
        "iou_corrosion_union": summary.scores.iou_corrosion_union,
        "iou_mean": summary.scores.iou_mean,
        "iou_paper": summary.scores.iou_paper,
        "iou_image": summary.scores.iou_image,
        "iou_trivial": summary.trivial["iou_corrosion"],
        "iou_paper_trivial": summary.trivial["iou_paper"],
        "iou_colour": summary.colour.iou_corrosion if summary.colour else None,
    }
    return {**_plain(columns), "collapsed": "; ".join(summary.collapse.reasons)}


def drop_columns(drop: Drop) -> dict[str, float | None]:
    """The columns of ``results.csv`` that compare a model with its dense parent (headline metric)."""
    interval = drop.interval
    return _plain(
        {"iou_drop": interval.estimate, "iou_drop_low": interval.low, "iou_drop_high": interval.high}
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
