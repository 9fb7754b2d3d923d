"""The columns of results.csv: what each holds and how tables call and write it, once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "number", "score", "points", "count", "time"]


@dataclass(frozen=True)
class Column:
    """One column of results.csv.

    Attributes:
        heading: in tables of plain values, with the unit that is not obvious.
        kind: how a value is written: ``score`` 0..1, ``points`` a difference of scores in hundredths,
            ``count`` whole, ``time`` in the unit of the heading.
        title: in sentences and beside values that carry their unit; the heading if not given.
        unit: of a cost.
        always: written even if no trial has a value.
        valid: also scored on the validation split, as ``<name>_valid``.
    """

    name: str
    heading: str
    kind: Kind = "text"
    title: str = ""
    unit: str = ""
    always: bool = True
    valid: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.title or self.heading)


IDENTITY = ("dataset", "architecture", "encoder", "strategy", "sparsity", "seed")
"""Which trial a row is."""

COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        Column("dataset", "data set"),
        Column("architecture", "architecture"),
        Column("encoder", "encoder"),
        Column("strategy", "strategy"),
        Column("sparsity", "sparsity", "number"),
        Column("seed", "seed", "number"),
        Column(
            "sparsity_realised", "sparsity reached", "score", title="mean over the layers of channels gone"
        ),
        Column(
            "channels_removed", "channels gone", "score", title="share of all channels that is gone",
            always=False,
        ),
        Column("params", "parameters", "count", unit="parameters"),
        Column("macs", "MACs", "count", unit="MACs"),
        Column("size_bytes", "bytes", "count", title="bytes of weights", unit="B"),
        Column("iou_corrosion", "IoU", "score", title="IoU of corrosion, all photos together", valid=True),
        Column("f1_corrosion", "F1", "score", title="F1 of corrosion, all photos together", valid=True),
        Column("iou_mean", "mean IoU", "score", title="mean IoU of the classes", valid=True),
        Column(
            "iou_paper", "paper's IoU", "score",
            title="IoU per photo over all classes, micro-averaged (paper)", valid=True,
        ),
        Column("iou_trivial", "trivial floor", "score", title="best constant answer", valid=True),
        Column(
            "iou_paper_trivial", "its floor", "score", title="the paper's IoU of the best constant answer",
        ),
        Column("iou_colour", "colour floor", "score", title="colour threshold", valid=True),
        Column("iou_dense", "dense IoU", "score"),
        Column("iou_drop", "drop, points", "points", title="drop"),
        Column("seconds", "trial, s", "time"),
        Column("status", "status"),
        Column("iou_corrosion_low", "95 % low", "score", always=False),
        Column("iou_corrosion_high", "95 % high", "score", always=False),
        Column("iou_corrosion_union", "IoU, corroded or not", "score", always=False),
        Column(
            "iou_image", "IoU per photo", "score",
            title="IoU of corrosion per photo, their mean (the authors' binary runs)", always=False,
            valid=True,
        ),
        Column("iou_drop_low", "drop, 95 % low", "points", always=False),
        Column("iou_drop_high", "drop, 95 % high", "points", always=False),
        Column(
            "false_alarms", "false alarms", "score",
            title="share of photos without corrosion that show a large patch", always=False,
        ),
        Column("false_alarms_low", "false alarms, 95 % low", "score", always=False),
        Column("false_alarms_high", "false alarms, 95 % high", "score", always=False),
        Column(
            "false_area", "false area", "score",
            title="share of the picture called corroded where nothing is", always=False,
        ),
        Column("false_area_low", "false area, 95 % low", "score", always=False),
        Column("false_area_high", "false area, 95 % high", "score", always=False),
        Column("clean_photos", "photos without corrosion", "count", always=False),
        Column("latency_ms", "latency, ms", "time", title="latency", unit="ms", always=False),
    )
}  # fmt: skip
"""In the order in which a table begins; others follow as they come, ``trial`` last."""

COSTS = ("latency_ms", "macs", "params", "size_bytes")
"""What a model costs, measured latency first: where it is known, it decides."""
