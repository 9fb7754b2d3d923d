"""The table of all trials, its filters, and the numbers the page's script reads."""

from __future__ import annotations

import json
from collections.abc import Sequence

from descale.base.columns import COLUMNS, IDENTITY, Column
from descale.report.cells import Cell
from descale.report.looks import architecture_title, strategy_order, strategy_title
from descale.report.rows import Result


def filters(results: Sequence[Result]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Name of the column, heading, and (value, text) of each filter with more than one choice.

    Trials that failed are found by them too, also where no other of their kind has finished.
    """
    found = [
        ("dataset", "Data set", [(v, v) for v in dict.fromkeys(r.dataset for r in results)]),
        (
            "architecture",
            "Architecture",
            [(v, architecture_title(v)) for v in dict.fromkeys(r.architecture for r in results)],
        ),
        ("encoder", "Encoder", [(v, v) for v in dict.fromkeys(r.encoder for r in results)]),
        (
            "strategy",
            "Strategy",
            [(v, strategy_title(v)) for v in sorted({r.strategy for r in results}, key=strategy_order)],
        ),
        (
            "sparsity",
            "Sparsity",
            [(f"{v:g}", f"{100 * v:g} %") for v in sorted({r.sparsity for r in results})],
        ),
    ]
    return [entry for entry in found if len(entry[2]) > 1]


SHOWN = (
    "iou_corrosion", "iou_corrosion_low", "iou_corrosion_high", "iou_drop", "f1_corrosion", "iou_mean",
    "iou_paper", "iou_paper_trivial", "false_alarms", "false_area", "sparsity_realised", "channels_removed",
    "macs", "params", "size_bytes", "latency_ms", "seconds",
)  # fmt: skip
"""Columns of numbers of the trial table, those that a row has; scores first."""


def _measured(results: Sequence[Result]) -> list[Column]:
    return [COLUMNS[name] for name in SHOWN if any(name in result.numbers for result in results)]


def trial_columns(results: Sequence[Result]) -> list[tuple[int, str, str]]:
    """Columns worth showing: place in the embedded row, heading, kind."""
    alike = {name for name in ("dataset", "encoder") if len({getattr(r, name) for r in results}) < 2}
    columns = [*(COLUMNS[name] for name in IDENTITY), *_measured(results), COLUMNS["status"]]
    return [
        (place, column.heading, column.kind)
        for place, column in enumerate(columns, start=1)
        if column.name not in alike
    ]


def embedded(results: Sequence[Result], cells: Sequence[Cell]) -> str:
    """Cells and trials as JSON for the page's script."""
    place = {cell.key: index for index, cell in enumerate(cells)}
    columns = [column.name for column in _measured(results)]
    trials = [
        [
            place.get(r.key, -1),
            r.dataset,
            architecture_title(r.architecture),
            r.encoder,
            strategy_title(r.strategy),
            r.sparsity,
            r.seed,
            *(_rounded(r.numbers.get(name)) for name in columns),
            (f"collapsed: {r.collapsed}" if r.collapsed else "ok") if r.finished else r.problem,
            [r.architecture, r.strategy],
        ]
        for r in results
    ]
    facts = [[c.dataset, c.architecture, c.encoder, c.strategy, f"{c.sparsity:g}"] for c in cells]
    value = {"cells": facts, "trials": trials}
    # A tag inside a script element may end it, whatever the JSON means.
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
