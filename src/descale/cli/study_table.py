"""The table that ``descale study`` ends with: one line per trial, in the width of a plain terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from descale.base.columns import COLUMNS

Row = Mapping[str, str | int | float | bool | None]

SHOWN_IF_SEVERAL = ("dataset", "encoder", "seed")
"""Columns that say the same in every row of most studies."""

COLLAPSED = "*"
NOT_DEFINED = "not defined"
"""Of a test split without corrosion."""
MEANING = "no better than a constant answer, or a class that is there is never predicted"


def study_table(name: str, rows: Sequence[Row]) -> Table:
    """Scores on the test split and costs of finished trials (rows of results.csv)."""
    table = Table(
        title=f"{escape(name)}: corrosion IoU on the test split, with its 95 % interval",
        title_justify="left",
        caption=f"{COLLAPSED} collapsed: {MEANING}" if any(row.get("collapsed") for row in rows) else None,
        caption_justify="left",
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
    )
    several = [column for column in SHOWN_IF_SEVERAL if len({row.get(column) for row in rows}) > 1]
    for column in several:
        table.add_column(COLUMNS[column].heading, overflow="fold")
    for heading in ("network", "strategy"):
        table.add_column(heading, no_wrap=True)
    for heading in ("sparsity", "IoU", "interval", "drop", "MACs", "params"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        mark = COLLAPSED if row.get("collapsed") else ""
        cells = [*(escape(str(row.get(column))) for column in several)]
        cells += [str(row["architecture"]), str(row["strategy"]), f"{row['sparsity']:g}"]
        reached = row.get("iou_corrosion")
        cells += [
            NOT_DEFINED if reached is None else _number(reached) + mark,
            _interval(row),
            _number(row.get("iou_drop")),
        ]
        cells += [_count(row.get("macs")), _count(row.get("params"))]
        table.add_row(*cells)
    return table


def _interval(row: Row) -> str:
    low, high = row.get("iou_corrosion_low"), row.get("iou_corrosion_high")
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        return ""
    return f"{low:.2f}-{high:.2f}"


def _number(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, (int, float)) else ""


def _count(value: object) -> str:
    if not isinstance(value, (int, float)):
        return ""
    return f"{value / 1e6:,.1f} M" if value >= 1e6 else f"{value / 1e3:,.1f} k"
