"""What a finished trial leaves in its folder, and the comparison with what its dense parent left."""

from __future__ import annotations

from pathlib import Path

from descale.base.classes import ClassTable
from descale.evaluation import ImageConfusions, paired_drop, read_confusions, score
from descale.study.folder import Row
from descale.study.trial import Trial

CONFUSIONS, MASKS, LOG = "confusions.csv", "masks", "log"


def drop_columns(trial: Trial, confusions: ImageConfusions, classes: ClassTable, trials: Path) -> Row:
    """IoU of the dense parent on the test split, and the drop from it with its paired 95 % interval.

    A dense model is its own parent and has dropped by 0.
    """
    parent = read_confusions(trials / trial.dense / CONFUSIONS)["test"] if trial.dense else confusions
    drop = paired_drop([parent], [confusions], classes)
    return {
        "iou_dense": score(parent, classes).iou_corrosion,
        "iou_drop": drop.interval.estimate,
        "iou_drop_low": drop.interval.low,
        "iou_drop_high": drop.interval.high,
    }
