"""The table of all configurations as plain values, Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

from descale.base.columns import COLUMNS, COSTS
from descale.report.cells import Cell
from descale.report.evidence import Evidence
from descale.report.false_alarms import HEADINGS, counted, percent
from descale.report.looks import architecture_title, strategy_title
from descale.report.words import amount, points, span, span_points


def headings(cells: Sequence[Cell]) -> list[str]:
    """Column headings; costs that nobody measured are left out."""
    encoders = len({cell.encoder for cell in cells}) > 1
    return [
        "architecture",
        *(["encoder"] if encoders else []),
        "strategy",
        "sparsity",
        "seeds",
        "IoU (95 %)",
        "drop in points (95 %)",
        "F1",
        "paper's IoU",
        *(HEADINGS[column] for column in counted(cells)),
        *(COLUMNS[cost].title for cost in _measured(cells)),
        "remark",
    ]


def table(evidence: Sequence[Evidence]) -> list[list[str]]:
    """A row of texts per configuration, in the order given."""
    cells = [item.cell for item in evidence]
    encoders = len({cell.encoder for cell in cells}) > 1
    alarms, costs = counted(cells), _measured(cells)
    return [
        [
            architecture_title(cell.architecture),
            *([cell.encoder] if encoders else []),
            strategy_title(cell.strategy),
            f"{cell.sparsity:g}",
            str(len(cell.seeds)),
            span(cell.iou.estimate, cell.iou.low, cell.iou.high),
            drop_text(cell),
            score(cell.mean("f1_corrosion")),
            score(cell.mean("iou_paper")),
            *(percent(cell, column) for column in alarms),
            *(amount(cell.mean(cost), cost) for cost in costs),
            remark(item),
        ]
        for item in evidence
        for cell in [item.cell]
    ]


def floor_rows(cells: Sequence[Cell], heads: Sequence[str]) -> list[list[str]]:
    """Rows of the two floors, to stand above the models in every table; empty texts where nothing is said.

    Args:
        cells: of the data set.
        heads: of the table that they stand in, see :func:`headings`.
    """
    rows = []
    for name, iou, paper in (
        ("best constant answer", "iou_trivial", "iou_paper_trivial"),
        ("colour threshold", "iou_colour", None),
    ):
        reached = _highest(cells, iou)
        if reached is not None:
            texts = dict.fromkeys(heads, "")
            texts["architecture"] = name
            texts["IoU (95 %)"] = score(reached)
            texts["paper's IoU"] = score(_highest(cells, paper)) if paper else ""
            texts["remark"] = "floor"
            rows.append(list(texts.values()))
    return rows


def drop_text(cell: Cell) -> str:
    """The drop in points with its interval; a dash for dense models, a question mark if unknown."""
    if cell.dense:
        return "–"
    return span_points(cell.drop.estimate, cell.drop.low, cell.drop.high) if cell.drop else "?"


def remark(item: Evidence) -> str:
    """What the statistics say about a configuration in a few words."""
    said = []
    if item.cell.collapsed:
        said.append("collapsed")
    if item.cell.control:
        said.append("control")
    against = item.against_dense
    if against is not None and against.proven:
        shown = [margin for margin, holds in sorted(against.no_worse.items()) if holds]
        if shown:
            said.append(f"no worse than {points(shown[0])}")
        elif against.worse:
            said.append("worse than dense")
        else:
            said.append("undecided")
    return ", ".join(said)


def score(value: float | None) -> str:
    """Three decimals, or a dash."""
    return "–" if value is None else f"{value:.3f}"


def floors_text(cells: Sequence[Cell]) -> str:
    """Floors of a data set in one sentence."""
    parts = []
    for column, name in (
        ("iou_trivial", "the best constant answer has IoU"),
        ("iou_colour", "a colour threshold"),
        ("iou_paper_trivial", "by the paper's metric the best constant answer has"),
    ):
        values = [value for cell in cells if (value := cell.mean(column)) is not None]
        if values:
            parts.append(f"{name} {max(values):.3f}")
    return ("Floors: " + ", ".join(parts) + ".") if parts else "The table has no floors."


def markdown(
    title: str, warnings: Sequence[str], sections: Sequence[tuple[str, Sequence[str], Sequence[Evidence]]]
) -> str:
    """A Markdown document: what to know first, then per data set its name, findings and table."""
    lines = [f"# {title}", ""]
    if warnings:
        lines += ["Before you believe this:", "", *(f"- {warning}" for warning in warnings), ""]
    for name, findings, evidence in sections:
        cells = [item.cell for item in evidence]
        heads = headings(cells)
        lines += [f"## {name}", "", *(f"- {finding}" for finding in findings), f"- {floors_text(cells)}", ""]
        lines += ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
        lines += [
            "| " + " | ".join(text.replace("|", "\\|") for text in row) + " |"
            for row in [*floor_rows(cells, heads), *table(evidence)]
        ]
        lines.append("")
    return "\n".join(lines)


def latex(warnings: Sequence[str], sections: Sequence[tuple[str, Sequence[str], Sequence[Evidence]]]) -> str:
    """One ``longtable`` per data set, and warnings as comments; needs the packages booktabs and longtable."""
    lines = [r"% \usepackage{booktabs,longtable}"]
    lines += [f"% caution: {' '.join(warning.split())}" for warning in warnings]
    for name, _, evidence in sections:
        cells = [item.cell for item in evidence]
        heads = headings(cells)
        lines += [
            r"\begin{longtable}{" + "l" * (len(heads) - 1 - _numeric(heads)) + "r" * _numeric(heads) + "l}",
            rf"\caption{{{_tex(name)}. {_tex(floors_text(cells))}}}\\",
            r"\toprule",
            " & ".join(_tex(head) for head in heads) + r" \\",
            r"\midrule",
            r"\endhead",
            *(
                " & ".join(_tex(text) for text in row) + r" \\"
                for row in [*floor_rows(cells, heads), *table(evidence)]
            ),
            r"\bottomrule",
            r"\end{longtable}",
            "",
        ]
    return "\n".join(lines)


def _highest(cells: Sequence[Cell], column: str) -> float | None:
    return max((value for cell in cells if (value := cell.mean(column)) is not None), default=None)


def _numeric(heads: Sequence[str]) -> int:
    """How many columns before the last hold numbers: from sparsity on."""
    return len(heads) - 1 - list(heads).index("sparsity")


def _measured(cells: Sequence[Cell]) -> list[str]:
    return [cost for cost in COSTS if any(cell.mean(cost) is not None for cell in cells)]


def _tex(text: str) -> str:
    escaped = re.sub(r"([&%$#_{}])", r"\\\1", text.replace("\\", r"\textbackslash "))
    return escaped.replace("–", "--").replace("~", r"\textasciitilde ").replace("^", r"\textasciicircum ")
