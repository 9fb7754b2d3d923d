"""Scores of a leave-one-out study: the held-out photos of all folds together make the test split."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from descale.evaluation import ImageConfusions, read_confusions, result_columns, summarise
from descale.evaluation.confusion import write_confusions
from descale.study.artifacts import CONFUSIONS, MASKS, drop_columns
from descale.study.datasets import dataset_of
from descale.study.floors import colour_floor
from descale.study.folder import RESULT, Row
from descale.study.folds import hold_out
from descale.study.trial import Trial

MEANS = ("sparsity_realised", "channels_removed", "params", "macs", "size_bytes")


def pool_folds(trial: Trial, trials: Path) -> Row:
    """Row of a pooled trial: scores over all held-out photos; costs are means, ``seconds`` a sum over folds.

    A photo's floor is that of its own fold, whose colour threshold never saw it.
    """
    root, folder = trials.parent, trials / trial.id
    dataset = dataset_of(trial.data, root)
    tests = [read_confusions(trials / fold / CONFUSIONS)["test"] for fold in trial.folds]
    pooled = concatenate(tests)
    write_confusions(folder / CONFUSIONS, {"test": pooled})
    for fold in trial.folds:
        shutil.copytree(trials / fold / MASKS, folder / MASKS, dirs_exist_ok=True)
    floors = [
        colour_floor(dataclasses.replace(trial, fold=photo), hold_out(dataset, photo), root / "floors")[
            "test"
        ]
        for photo in pooled.ids
    ]
    rows = [json.loads((trials / fold / RESULT).read_text(encoding="utf-8")) for fold in trial.folds]
    return {
        **{column: _mean(column, rows) for column in MEANS},
        **result_columns(summarise(pooled, dataset.classes, colour=concatenate(floors))),
        **drop_columns(trial, pooled, dataset.classes, trials),
        "input_size": rows[0]["input_size"],
        "threads": rows[0]["threads"],
        "torch": rows[0]["torch"],
        **{column: " and ".join(_distinct(column, rows)) or None for column in ("device", "precision")},
        "folds": len(rows),
        "seconds": round(sum(row["seconds"] for row in rows), 2),
    }


def _distinct(column: str, rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(str(value) for row in rows if (value := row.get(column)) is not None))


def _mean(column: str, rows: Sequence[Row]) -> float | None:
    """``None`` where a fold of an earlier version did not count it."""
    values = [float(value) for row in rows if (value := row.get(column)) is not None]
    return fmean(values) if len(values) == len(rows) else None


def concatenate(parts: Sequence[ImageConfusions]) -> ImageConfusions:
    """The images of several splits as one."""
    return ImageConfusions(
        ids=tuple(name for part in parts for name in part.ids),
        groups=tuple(group for part in parts for group in part.groups),
        counts=np.concatenate([part.counts for part in parts]),
    )
