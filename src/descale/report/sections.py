"""What the page shows of one data set, worked out: charts, tables, statements, what to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from descale.base.columns import COLUMNS, COSTS
from descale.report import charts, findings, tables
from descale.report.cells import Cell, by_dataset, make_cells, named
from descale.report.channel_chart import channel_chart
from descale.report.channels import channel_profiles
from descale.report.evidence import Evidence, StudyTrials, gather
from descale.report.false_alarms import false_alarm_table, percent
from descale.report.fronts import (
    Marked,
    candidates,
    floor_warning,
    known_costs,
    marked_points,
    pareto_front,
)
from descale.report.looks import CONTROLS, strategy_order, strategy_title
from descale.report.matrix import control_matrix, drop_matrix
from descale.report.pictures import Gallery, gallery
from descale.report.rows import CellKey, Result
from descale.report.words import amount, joined, points, short, span

VALUES_SHOWN = 200
PANELS_SHOWN = 16


@dataclass(frozen=True)
class Section:
    """One data set, ready to be shown: scores on different data are never mixed.

    Attributes:
        evidence: every configuration, in order of appearance.
        marked: the points that a reader would pick.
    """

    name: str
    evidence: tuple[Evidence, ...]
    marked: tuple[Marked, ...]
    verdict: str
    statements: tuple[str, ...]
    shown: dict[str, Any]


def sections(results: Sequence[Result], trials: StudyTrials) -> list[Section]:
    """Work out one section per data set that has a finished trial."""
    cells = make_cells(results)
    grouped = by_dataset(cells)
    ordered = [cell for members in grouped.values() for cell in members]  # as the page lists them
    numbers = {cell.key: index for index, cell in enumerate(ordered)}
    return [
        _section(name, index, gather(members, trials), trials, numbers)
        for index, (name, members) in enumerate(grouped.items())
    ]


def _section(
    name: str,
    index: int,
    evidence: Sequence[Evidence],
    trials: StudyTrials,
    numbers: Mapping[CellKey, int],
) -> Section:
    cells = [item.cell for item in evidence]
    # Controls and collapsed models cannot be picked: what was not measured for them decides nothing.
    costs = known_costs(candidates(cells)) or [
        c for c in COSTS if any(cell.mean(c) is not None for cell in cells)
    ]
    main = costs[0] if costs else "macs"
    marked = marked_points(cells, main)
    levels = sorted({cell.sparsity for cell in cells if not cell.dense})
    highest = levels[-1] if levels else 0.0
    strategies = sorted({cell.strategy for cell in cells}, key=strategy_order)
    architectures, strategies_ranked = (
        findings.rank_architectures(evidence, highest),
        findings.rank_strategies(evidence, highest),
    )
    statements = _statements(evidence, highest)
    first = marked[0].cell if marked else None
    return Section(
        name=name,
        evidence=tuple(evidence),
        marked=tuple(marked),
        verdict=_verdict(marked, cells, main),
        statements=tuple(statements),
        shown={
            "anchor": f"data-{index}",
            "cards": [_card(point, cells, main) for point in marked],
            "main": COLUMNS[main].title,
            "charts": [
                (cost, COLUMNS[cost].title, Markup(svg))
                for cost in costs
                if (
                    svg := charts.front_chart(
                        f"front-{index}-{cost}", cells, cost, marked, numbers, wide=cost == main
                    )
                )
            ],
            "unmeasured": [COLUMNS[cost].title for cost in COSTS if cost not in costs],
            "legend": [
                (Markup(charts.legend_mark(s, strategies)), strategy_title(s), s in CONTROLS)
                for s in strategies
            ],
            "value_table": _value_table(evidence, costs, marked, numbers),
            "panels": _panels(index, cells),
            "matrix": drop_matrix(evidence, strategies),
            "architectures": architectures,
            "strategies": strategies_ranked,
            "highest": highest,
            "controls": control_matrix(evidence),
            "false_alarms": false_alarm_table(
                cells, {point.cell.key: point.letter for point in marked}, numbers
            ),
            "profiles": [
                (
                    profile,
                    Markup(
                        channel_chart(f"widths-{index}-{k}", profile.title, profile.layers, profile.borders)
                    ),
                )
                for k, profile in enumerate(channel_profiles(cells, trials, highest)[:PANELS_SHOWN])
            ],
            "gallery": gallery(first, cells, trials) if first else Gallery((), "there is no model to show."),
            "floors": tables.floors_text(cells),
        },
    )


def _verdict(marked: Sequence[Marked], cells: Sequence[Cell], cost: str) -> str:
    if not marked:
        return "Nothing can be recommended: every finished model has collapsed, or its cost is not known."
    cell = marked[0].cell
    best = max((point.cell for point in marked), key=lambda c: c.iou.estimate)
    name, price = named(cell, cells), amount(cell.mean(cost), cost)
    text = f"Take {name}: corrosion IoU {cell.iou.estimate:.3f} at {price}"
    ours, theirs = cell.mean(cost), best.mean(cost)
    if best is not cell and ours and theirs:
        loss = best.iou.estimate - cell.iou.estimate
        text += (
            f", {points(loss)} below the most accurate model ({named(best, cells)}) "
            f"for {short(float(f'{100 * ours / theirs:.2g}'))} % of its {COLUMNS[cost].title}"
        )
    return f"{text}. {floor_warning(cell)}".rstrip()


def _card(point: Marked, cells: Sequence[Cell], cost: str) -> dict[str, Any]:
    cell = point.cell
    return {
        "letter": point.letter,
        "role": point.role,
        "title": named(cell, cells),
        "facts": [
            ("corrosion IoU", span(cell.iou.estimate, cell.iou.low, cell.iou.high)),
            ("drop from dense", tables.drop_text(cell) + ("" if cell.dense else " points")),
            *((COLUMNS[c].title, _fact(cell, c)) for c in COSTS if cell.mean(c) is not None),
            *_paper(cell),
            *_alarms(cell),
            ("seeds", str(len(cell.seeds))),
        ],
        "reasons": point.reasons,
        "models": [result.model for result in cell.results if result.model],
    }


def _paper(cell: Cell) -> list[tuple[str, str]]:
    reached, floor = cell.mean("iou_paper"), cell.mean("iou_paper_trivial")
    if reached is None:
        return []
    return [("paper's IoU", f"{reached:.3f}" + (f", floor {floor:.3f}" if floor is not None else ""))]


def _alarms(cell: Cell) -> list[tuple[str, str]]:
    if cell.mean("false_alarms") is None:
        return []
    return [("false alarms", f"{percent(cell, 'false_alarms')} % of photos without corrosion")]


def _fact(cell: Cell, cost: str) -> str:
    value = cell.mean(cost)
    return short(value or 0.0) if cost in ("macs", "params") else amount(value, cost)


def _statements(evidence: Sequence[Evidence], highest: float) -> list[str]:
    if all(item.cell.dense for item in evidence):
        return ["Only dense models have finished, so nothing can be said about pruning yet."]
    chosen = [item for item in evidence if not item.cell.control]
    perhaps = [
        findings.deciding_scenes(evidence),
        *(findings.against_controls(evidence, control) for control in CONTROLS),
    ]
    return [
        findings.suffering(findings.rank_architectures(evidence, highest), "architectures", highest),
        findings.suffering(findings.rank_strategies(chosen, highest), "strategies", highest),
        *findings.no_worse(evidence),
        *filter(None, perhaps),
    ]


def _value_table(
    evidence: Sequence[Evidence],
    costs: Sequence[str],
    marked: Sequence[Marked],
    numbers: Mapping[CellKey, int],
) -> dict[str, Any]:
    """The same values as in the charts; of very many only what lies on a front."""
    cells = [item.cell for item in evidence]
    fronts = {cost: {cell.key for cell in pareto_front(cells, cost)} for cost in costs}
    letters = {point.cell.key: point.letter for point in marked}
    every = len(cells) <= VALUES_SHOWN
    kept = [
        item
        for item in evidence
        if every or item.cell.key in letters or any(item.cell.key in front for front in fronts.values())
    ]
    rows = []
    for item, texts in zip(kept, tables.table(kept), strict=True):
        on = [COLUMNS[cost].title for cost in costs if item.cell.key in fronts[cost]]
        rows.append((numbers[item.cell.key], letters.get(item.cell.key, ""), texts, joined(on)))
    heads = tables.headings([item.cell for item in kept]) if kept else []
    return {
        "headings": heads,
        "floors": tables.floor_rows(cells, heads) if kept else [],
        "rows": rows,
        "left_out": len(cells) - len(kept),
    }


def _panels(index: int, cells: Sequence[Cell]) -> dict[str, Any]:
    networks = list(dict.fromkeys(cell.network for cell in cells))
    encoders = {encoder for _, encoder in networks}
    panels = []
    for position, network in enumerate(networks[:PANELS_SHOWN]):
        own = [cell for cell in cells if cell.network == network]
        svg = charts.sparsity_chart(f"sparsity-{index}-{position}", own, cells)
        panels.append((Markup(svg), network[1] if len(encoders) > 1 else ""))
    return {"panels": panels, "left_out": max(0, len(networks) - PANELS_SHOWN)}
