"""Read results.csv as it is: finished and failed trials, missing columns and all."""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from descale.base.errors import StudyError
from descale.report.looks import CONTROLS, DENSE, architecture_title, strategy_title

logger = logging.getLogger(__name__)

RESULTS = "results.csv"
LATENCIES = "latency.csv"
"""Optional, beside the results: columns ``trial``, ``latency_ms`` and (in words) ``how``; measured apart."""

NEEDED = ("dataset", "architecture", "strategy", "sparsity", "iou_corrosion", "macs")
"""What every table of results has had from the first version on."""
FINISHED = ("", "ok", "done", "finished")
NO_CORROSION = "the score is not defined: the test split shows no corrosion"


@dataclass(frozen=True)
class CellKey:
    """What a configuration is: all that its seeds share, and by which it is found.

    >>> CellKey("d", "unet", "e", "agp", 0.9).title
    'U-Net, AGP 90 %'
    """

    dataset: str
    architecture: str
    encoder: str
    strategy: str
    sparsity: float

    @property
    def key(self) -> CellKey:
        """The key alone, of a row or a cell: equal for all that belong together."""
        return CellKey(self.dataset, self.architecture, self.encoder, self.strategy, self.sparsity)

    @property
    def network(self) -> tuple[str, str]:
        return self.architecture, self.encoder

    @property
    def dense(self) -> bool:
        return self.strategy == DENSE

    @property
    def control(self) -> bool:
        """Random pruning or a slim network trained from scratch: for comparison, not for choosing."""
        return self.strategy in CONTROLS

    @property
    def title(self) -> str:
        strategy = strategy_title(self.strategy) + ("" if self.dense else f" {100 * self.sparsity:g} %")
        return f"{architecture_title(self.architecture)}, {strategy}"


@dataclass(frozen=True)
class Result(CellKey):
    """One row of results.csv.

    Attributes:
        numbers: every column that holds a finite number.
        texts: every column as written.
        status: empty or ``ok`` when the trial has finished, otherwise why it has not.
    """

    seed: int
    numbers: Mapping[str, float]
    texts: Mapping[str, str]
    status: str

    @property
    def finished(self) -> bool:
        scored = "iou_corrosion" in self.numbers and not _without_corrosion(self.numbers)
        return self.status.lower() in FINISHED and scored

    @property
    def undefined(self) -> bool:
        """It ran to its end without a score: there is no corrosion in the test split."""
        told = bool(self.status) or _without_corrosion(self.numbers)
        return told and self.status.lower() in FINISHED and not self.finished

    @property
    def problem(self) -> str:
        """Why there is no score, empty if there is one."""
        if self.finished:
            return ""
        return NO_CORROSION if self.undefined else self.status or "no score in the table"

    @property
    def trial(self) -> str:
        """Name of the trial's folder, empty if the table does not tell."""
        return self.texts.get("trial", "")

    @property
    def model(self) -> str:
        """The model's folder inside the study's; empty for scores pooled over folds: each had its own."""
        return f"trials/{self.trial}/model" if self.trial and "folds" not in self.numbers else ""

    @property
    def collapsed(self) -> str:
        """Why the model counts as collapsed, empty if it does not.

        Told by the column ``collapsed`` where there is one, otherwise by the trivial floor.
        """
        told = self.texts.get("collapsed")
        if told is not None:
            return "" if told.strip().lower() in ("", "false", "0", "no") else told
        reached, floor = self.numbers.get("iou_corrosion"), self.numbers.get("iou_trivial")
        if reached is not None and floor is not None and reached <= floor:
            return f"corrosion IoU {reached:.3f} is not above the trivial {floor:.3f}"
        return ""


def _without_corrosion(numbers: Mapping[str, float]) -> bool:
    """Whether the test split shows none: elsewhere "all corroded" has an IoU above 0.

    Tables of earlier versions give a network that found some there a score of 0, and call it collapsed.
    """
    return numbers.get("iou_trivial") == 0


def read_results(folder: Path) -> list[Result]:
    """Rows of ``folder/results.csv``, in its order, with the latencies of ``folder/latency.csv`` if any.

    Raises:
        StudyError: there is no such file, it is empty, or it lacks a column that nothing can do without.
    """
    path = Path(folder) / RESULTS
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:  # spreadsheets mark their files so
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or []
            missing = [column for column in NEEDED if column not in columns]
            if missing:
                raise StudyError(
                    f"{path} has no column {', '.join(missing)}. Let descale study write it again."
                )
            rows = [_result(row, path, number) for number, row in enumerate(reader, start=2)]
    except FileNotFoundError:
        raise StudyError(
            f"{folder} has no {RESULTS}. Name the folder given to descale study --out."
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"{path} is not a CSV file: {error}.") from error
    latencies = read_latencies(Path(folder) / LATENCIES)
    if not rows:
        raise StudyError(f"{path} has no row yet. Wait until the study has finished its first trial.")
    if latencies:
        _require_matches(Path(folder) / LATENCIES, rows, latencies)
        rows = [_with_latency(row, latencies) for row in rows]
    return rows


def require_scores(results: Sequence[Result], folder: Path) -> None:
    """Refuse a table that has no score at all.

    Raises:
        StudyError: no trial has finished, or the score of none is defined.
    """
    if any(result.finished for result in results):
        return
    if any(result.undefined for result in results):
        raise StudyError(
            f"{folder}: {NO_CORROSION}. Put photos with corrosion into it and run descale study again."
        )
    raise StudyError(
        f"No trial of {folder} has finished: {len(results)} failed, the first with "
        f"'{results[0].status}'. Correct that and run descale study again."
    )


def _result(row: Mapping[str | None, str | None], path: Path, line: int) -> Result:
    texts = {key: value or "" for key, value in row.items() if key is not None}
    numbers = {key: number for key, value in texts.items() if (number := _number(value)) is not None}
    if "sparsity" not in numbers:
        raise StudyError(f"{path}, line {line}: sparsity '{texts['sparsity']}' is not a number.")
    return Result(
        dataset=texts["dataset"],
        architecture=texts["architecture"],
        encoder=texts.get("encoder", ""),
        strategy=texts["strategy"],
        sparsity=numbers["sparsity"],
        seed=int(numbers.get("seed", 0)),
        numbers=numbers,
        texts=texts,
        status=texts.get("status", ""),
    )


def read_latencies(path: Path) -> dict[str, dict[str, str]]:
    """Rows of a latency.csv by trial, empty if there is no such file.

    Raises:
        StudyError: it cannot be read, lacks a column, a latency is no number, or a trial stands there twice.
    """
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (UnicodeDecodeError, csv.Error) as error:
        raise StudyError(
            f"{path} cannot be read ({error}). Save it as CSV in UTF-8, or remove it."
        ) from error
    if not rows or not {"trial", "latency_ms"} <= set(rows[0]):
        raise StudyError(f"{path} needs the columns trial and latency_ms. Correct or remove it.")
    found: dict[str, dict[str, str]] = {}
    for line, row in enumerate(rows, start=2):
        if row["trial"] in found:
            raise StudyError(
                f"{path}, line {line}: trial '{row['trial']}' stands there already. Keep one row for each "
                "trial, all measured in one way."
            )
        found[row["trial"]] = row
        text = (row["latency_ms"] or "").strip()
        if text and ((value := _number(text)) is None or value <= 0):
            raise StudyError(
                f"{path}, line {line}: latency_ms '{text}' is not a number of milliseconds above 0. "
                "Correct or remove the line."
            )
    return found


def _require_matches(path: Path, rows: Sequence[Result], latencies: Mapping[str, object]) -> None:
    """A file of latencies that says nothing of any trial would silently take all latencies away."""
    without = sum(row.finished and row.trial not in latencies for row in rows)
    if not any(row.trial in latencies for row in rows):
        raise StudyError(
            f"{path} has no trial of this study (its first is '{next(iter(latencies))}', the study's "
            f"'{rows[0].trial}'). Measure the study's models, or remove the file."
        )
    if without:
        logger.warning("%s has no latency of %d of %d trials", path, without, len(rows))


def _with_latency(result: Result, latencies: Mapping[str, Mapping[str, str]]) -> Result:
    """A latency of the table is dropped where the file has none: two ways of measuring must not mix."""
    numbers = {name: number for name, number in result.numbers.items() if name != "latency_ms"}
    value = _number(latencies.get(result.trial, {}).get("latency_ms") or "")
    return replace(result, numbers=numbers if value is None else {**numbers, "latency_ms": value})


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
