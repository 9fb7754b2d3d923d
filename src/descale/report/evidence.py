"""What the per-image confusions of a study prove: intervals, paired drops, strategy against control."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from descale.base.classes import ClassTable
from descale.base.errors import DataError
from descale.evaluation import (
    ImageConfusions,
    Interval,
    SceneInfluence,
    paired_drop,
    read_confusions,
    scene_influences,
    score_interval,
)
from descale.report.cells import Cell, Span, find, named
from descale.report.looks import CONTROLS, DENSE

logger = logging.getLogger(__name__)

MARGINS = (0.01, 0.02)
WORTH_EXPLAINING = 0.01
"""Loss of IoU from which on it is asked which scene it comes from."""


@dataclass
class StudyTrials:
    """Lazily read files of the trials of one study folder; ``None`` where a file is not there."""

    folder: Path
    _confusions: dict[str, ImageConfusions | None] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    def path(self, trial: str) -> Path:
        return self.folder / "trials" / trial

    def confusions(self, trial: str) -> ImageConfusions | None:
        """Confusions of the test split (the last split in the file if none is called test)."""
        if trial not in self._confusions:
            self._confusions[trial] = self._read_confusions(trial)
        return self._confusions[trial]

    def description(self, trial: str) -> dict[str, Any] | None:
        """``model.json`` of a trial."""
        return self._read_json(self.path(trial) / "model" / "model.json") if trial else None

    def settings(self, trial: str) -> dict[str, Any] | None:
        """``trial.json`` of a trial."""
        return self._read_json(self.path(trial) / "trial.json") if trial else None

    def classes(self, trial: str) -> ClassTable | None:
        """Class table of a trial; of one of an older version, that of its model or of what it pools."""
        settings = self.settings(trial) or {}
        told = settings if "classes" in settings else self.description(trial)
        for parent in settings.get("parents", []) if told is None else []:
            told = told or self.description(str(parent))
        if told is None or "classes" not in told:
            return None
        return ClassTable.from_json(told["classes"])

    def _read_confusions(self, trial: str) -> ImageConfusions | None:
        path = self.path(trial) / "confusions.csv"
        if not trial or not path.is_file():
            return None
        try:
            splits = read_confusions(path)
        except DataError as error:
            logger.warning("%s", error)
            self.unreadable.append(str(path))
            return None
        return splits["test"] if "test" in splits else next(reversed(splits.values()), None)

    def _read_json(self, path: Path) -> dict[str, Any] | None:
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            logger.warning("%s cannot be read and is left out: %s", path, error)
            self.unreadable.append(str(path))
            return None
        return value if isinstance(value, dict) else None


@dataclass(frozen=True)
class Comparison:
    """A cell against its dense parent or a control of the same size, paired by seed and image.

    Attributes:
        loss: IoU of the other minus IoU of the cell; negative when the cell is better.
        no_worse: by margin, whether the test shows that the loss is below it (95 %, one-sided).
        proven: from paired per-image confusions of several scenes; otherwise nothing is tested.
        deciding: the scene that makes at least half of a loss of a point or more against the dense parent, if
            one does.
    """

    other: Cell
    loss: Span
    no_worse: dict[float, bool]
    proven: bool
    deciding: SceneInfluence | None = None

    @property
    def worse(self) -> bool:
        """The whole interval lies above zero."""
        return self.loss.low is not None and self.loss.low > 0

    @property
    def better(self) -> bool:
        """The whole interval lies below zero."""
        return self.loss.high is not None and self.loss.high < 0


@dataclass(frozen=True)
class Evidence:
    """A cell with all that is known about it.

    Attributes:
        against_dense: ``None`` for dense models and where the dense parent has not finished.
        against_controls: by control, where that has finished.
        confusions: of the first seed; ``None`` where they are not at hand.
    """

    cell: Cell
    against_dense: Comparison | None
    against_controls: dict[str, Comparison]
    confusions: ImageConfusions | None = None


def gather(cells: Sequence[Cell], trials: StudyTrials) -> list[Evidence]:
    """Intervals and comparisons of every cell of one data set."""
    better = [_with_interval(cell, trials) for cell in cells]
    return [_evidence(cell, better, trials) for cell in better]


def _evidence(cell: Cell, cells: Sequence[Cell], trials: StudyTrials) -> Evidence:
    dense = None if cell.dense else find(cells, cell, DENSE)
    against_dense = _compare(cell, dense, trials) if dense else None
    if against_dense and (against_dense.proven or cell.drop is not None):
        cell = cell.with_spans(cell.iou, against_dense.loss)
    elif against_dense is None and cell.drop and not cell.dense and dense is None:
        logger.info("%s: its dense parent is not in the table; its drop is as recorded", named(cell, cells))
    controls = {} if cell.dense or cell.control else {name: find(cells, cell, name) for name in CONTROLS}
    return Evidence(
        cell,
        against_dense,
        {name: _compare(cell, other, trials) for name, other in controls.items() if other is not None},
        trials.confusions(cell.results[0].trial),
    )


def _with_interval(cell: Cell, trials: StudyTrials) -> Cell:
    """The interval of a lone seed is the one that its trial stored; over several seeds one is drawn.

    Both draw the same images, so a cell has one interval, wherever it is asked for.
    """
    if len(cell.results) == 1 and cell.iou.known:
        return cell
    runs = [trials.confusions(result.trial) for result in cell.results]
    known = [run for run in runs if run is not None]
    classes = trials.classes(cell.results[0].trial)
    if len(known) < len(runs) or classes is None or any(run.ids != known[0].ids for run in known):
        return cell
    return cell.with_spans(_span(cell.iou.estimate, score_interval(known, classes)), cell.drop)


def _span(estimate: float, interval: Interval) -> Span:
    if math.isnan(interval.low):
        return Span(estimate)
    return Span(estimate, interval.low, interval.high)


def _compare(cell: Cell, other: Cell, trials: StudyTrials) -> Comparison:
    """Pair by seed; seeds that only one side has finished are left out of the comparison."""
    others = {result.seed: result for result in other.results}
    pairs = [(others[result.seed], result) for result in cell.results if result.seed in others]
    loaded = [(trials.confusions(left.trial), trials.confusions(right.trial)) for left, right in pairs]
    known = [(left, right) for left, right in loaded if left is not None and right is not None]
    classes = trials.classes(cell.results[0].trial) or trials.classes(other.results[0].trial)
    same = all(left.ids == right.ids == known[0][0].ids for left, right in known)
    if not known or len(known) < len(pairs) or classes is None or not same:
        return _unproven(cell, other)
    lefts, rights = [left for left, _ in known], [right for _, right in known]
    drop = paired_drop(lefts, rights, classes)
    loss = _span(drop.interval.estimate, drop.interval)
    if other.dense and len(cell.results) == 1 and cell.drop is not None and cell.drop.known:
        loss = cell.drop
    if not loss.known:  # one scene: nothing can be shown, whatever the table says
        return Comparison(other, loss, {}, proven=False)
    # The upper bound does not depend on the margin, so one resampling answers for all margins.
    no_worse = {margin: drop.upper < margin for margin in MARGINS}
    return Comparison(
        other,
        loss,
        no_worse,
        proven=True,
        deciding=_deciding(loss.estimate, lefts, rights, classes) if other.dense else None,
    )


def _deciding(
    loss: float, dense: Sequence[ImageConfusions], pruned: Sequence[ImageConfusions], classes: ClassTable
) -> SceneInfluence | None:
    if loss < WORTH_EXPLAINING:
        return None
    influences = scene_influences(dense, pruned, classes)
    return next((scene for scene in influences if scene.share >= loss / 2), None)


def _unproven(cell: Cell, other: Cell) -> Comparison:
    if other.dense and cell.drop is not None:
        return Comparison(other, cell.drop, {}, proven=False)
    return Comparison(other, Span(other.iou.estimate - cell.iou.estimate), {}, proven=False)
