"""results.csv: one row per trial of the study, derived from the trial folders and never edited."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from descale.base.columns import COLUMNS
from descale.base.files import write_text
from descale.study.folder import Row, StudyFolder, Value
from descale.study.trial import Trial

RESULTS = "results.csv"
FOLDS = "folds.csv"
DONE = "ok"


def identity(trial: Trial) -> Row:
    """The columns that say which trial a row is."""
    row: Row = {
        "dataset": trial.dataset,
        "architecture": trial.architecture,
        "encoder": trial.encoder,
        "strategy": trial.strategy,
        "sparsity": trial.sparsity,
        "seed": trial.seed,
    }
    if trial.fold is not None:
        row["fold"] = trial.fold
    return row


def row_of(trial: Trial, folder: StudyFolder) -> Row | None:
    """The row of a trial as it stands now, or None if it has neither a result nor a failure.

    A trial whose parent failed is reported as failed too: it cannot be had before the parent is.
    """
    result = folder.result(trial.id)
    if result is not None:
        return {**identity(trial), **result, "status": DONE, "trial": trial.id}
    failure = folder.failure(trial.id)
    if failure is not None:
        return {**identity(trial), "status": f"failed: {failure.reason}", "trial": trial.id}
    return None


def all_rows(trials: Sequence[Trial], folder: StudyFolder) -> list[tuple[Trial, Row]]:
    """Rows of all trials that have something to report, in the order of the study."""
    rows: list[tuple[Trial, Row]] = []
    failed: set[str] = set()
    for trial in trials:
        row = row_of(trial, folder)
        if row is None and any(parent in failed for parent in trial.parents):
            parent = next(parent for parent in trial.parents if parent in failed)
            row = {**identity(trial), "status": f"failed: its parent {parent} failed", "trial": trial.id}
        if row is not None:
            if row["status"] != DONE:
                failed.add(trial.id)
            rows.append((trial, row))
    return rows


def write_results(trials: Sequence[Trial], folder: StudyFolder) -> None:
    """Derive results.csv (and, where photos are held out in turn, folds.csv) from the trial folders.

    The lock covers reading and writing, so whoever writes last has seen every result before it.
    """
    with folder.exclusive("results"):
        rows = all_rows(trials, folder)
        write_csv(folder.root / RESULTS, [row for trial, row in rows if trial.fold is None])
        folds = [row for trial, row in rows if trial.fold is not None]
        if folds:
            write_csv(folder.root / FOLDS, folds)


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows atomically: the columns that are always there, then others as they come, ``trial`` last."""
    columns = _columns(rows)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    write_text(path, buffer.getvalue())


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a results.csv as text, empty cells as empty strings."""
    with Path(path).open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def _columns(rows: Iterable[Row]) -> list[str]:
    seen = dict.fromkeys(name for name, column in COLUMNS.items() if column.always)
    for row in rows:
        seen.update(dict.fromkeys(row))
    seen.pop("trial", None)
    return [*seen, "trial"]


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.0f}"
    return str(value)
