"""What models call corroded on photos without corrosion, where the table tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from descale.report.cells import Cell, Span, named, spread
from descale.report.rows import CellKey
from descale.report.words import joined, span_points

HEADINGS = {
    "false_alarms": "false alarms, % of clean photos (95 %)",
    "false_area": "false area, % (95 %)",
}
ROWS_SHOWN = 200


@dataclass(frozen=True)
class FalseAlarmTable:
    """False alarms of the configurations of one data set.

    Attributes:
        photos: how many photos without corrosion, in words.
        rows: number of the configuration, mark, name, share of false alarms, mean area, in percent.
        left_out: configurations that are not shown.
    """

    photos: str
    rows: tuple[tuple[int, str, str, str, str], ...]
    left_out: int


def counted(cells: Sequence[Cell]) -> list[str]:
    """Columns of false alarms that any of the cells has."""
    return [column for column in HEADINGS if any(cell.mean(column) is not None for cell in cells)]


def percent(cell: Cell, column: str) -> str:
    """A share in percent with its interval over photos and seeds; a dash where it was not counted."""
    if cell.mean(column) is None:
        return "–"
    found = _within(spread(cell.results, column))
    return span_points(found.estimate, found.low, found.high)


def false_alarm_table(
    cells: Sequence[Cell], letters: Mapping[CellKey, str], numbers: Mapping[CellKey, int]
) -> FalseAlarmTable | None:
    """The table, marked models first; ``None`` where nothing was counted."""
    known = [cell for cell in cells if cell.mean("false_alarms") is not None]
    if not known:
        return None
    ordered = sorted(known, key=lambda cell: letters.get(cell.key, "~"))
    photos = {int(r.numbers["clean_photos"]) for c in known for r in c.results if "clean_photos" in r.numbers}
    rows = tuple(
        (
            numbers[cell.key],
            letters.get(cell.key, ""),
            named(cell, cells),
            percent(cell, "false_alarms"),
            percent(cell, "false_area"),
        )
        for cell in ordered[:ROWS_SHOWN]
    )
    return FalseAlarmTable(joined([str(count) for count in sorted(photos)]), rows, len(known) - len(rows))


def _within(found: Span) -> Span:
    """The scatter of the seeds must not reach beyond none and all."""
    if found.low is None or found.high is None:
        return found
    return Span(found.estimate, max(0.0, found.low), min(1.0, found.high))
