"""The table of all trials, its filters, and the numbers the page's script reads."""

from __future__ import annotations

import json
from collections.abc import Sequence

from descale.report.cells import Cell
from descale.report.rows import CONTROLS, Result, architecture_title, strategy_title


def strategy_order(strategy: str) -> tuple[int, str]:
    """Sorting key: dense, the study's strategies, other ones, controls."""
    order = ["dense", "linear", "agp", "movement", "one-shot"]
    if strategy in CONTROLS:
        return 99, strategy
    return (order.index(strategy) if strategy in order else 50), strategy


def filters(cells: Sequence[Cell]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Name of the column, heading, and (value, text) of each filter with more than one choice."""
    found = [
        ("dataset", "Data set", [(v, v) for v in dict.fromkeys(c.dataset for c in cells)]),
        (
            "architecture",
            "Architecture",
            [(v, architecture_title(v)) for v in dict.fromkeys(c.architecture for c in cells)],
        ),
        ("encoder", "Encoder", [(v, v) for v in dict.fromkeys(c.encoder for c in cells)]),
        (
            "strategy",
            "Strategy",
            [(v, strategy_title(v)) for v in sorted({c.strategy for c in cells}, key=strategy_order)],
        ),
        (
            "sparsity",
            "Sparsity",
            [(f"{v:g}", f"{100 * v:g} %") for v in sorted({c.sparsity for c in cells})],
        ),
    ]
    return [entry for entry in found if len(entry[2]) > 1]


TRIAL_COLUMNS = (
    ("iou_corrosion", "IoU", "iou"),
    ("iou_corrosion_low", "95 % low", "iou"),
    ("iou_corrosion_high", "95 % high", "iou"),
    ("iou_drop", "drop, points", "points"),
    ("f1_corrosion", "F1", "iou"),
    ("iou_mean", "mean IoU", "iou"),
    ("iou_paper", "paper's IoU", "iou"),
    ("iou_paper_trivial", "its floor", "iou"),
    ("sparsity_realised", "sparsity reached", "iou"),
    ("macs", "MACs", "count"),
    ("params", "parameters", "count"),
    ("size_bytes", "bytes", "count"),
    ("latency_ms", "latency, ms", "ms"),
    ("seconds", "trial, s", "ms"),
)


def _measured(results: Sequence[Result]) -> list[tuple[str, str, str]]:
    """Numeric columns of the trial table that at least one row has: name, heading, format."""
    return [entry for entry in TRIAL_COLUMNS if any(entry[0] in result.numbers for result in results)]


def trial_columns(results: Sequence[Result]) -> list[tuple[int, str, str]]:
    """Columns worth showing: place in the embedded row, heading, format."""
    identity = [
        (1, "data set", "text", len({r.dataset for r in results}) > 1),
        (2, "architecture", "text", True),
        (3, "encoder", "text", len({r.encoder for r in results}) > 1),
        (4, "strategy", "text", True),
        (5, "sparsity", "number", True),
        (6, "seed", "number", True),
    ]
    numeric = [(7 + k, heading, format) for k, (_, heading, format) in enumerate(_measured(results))]
    return [
        *((place, heading, format) for place, heading, format, shown in identity if shown),
        *numeric,
        (7 + len(numeric), "status", "text"),
    ]


def embedded(results: Sequence[Result], cells: Sequence[Cell]) -> str:
    """Cells and trials as JSON for the page's script."""
    place = {cell.key: index for index, cell in enumerate(cells)}
    columns = [name for name, _, _ in _measured(results)]
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
