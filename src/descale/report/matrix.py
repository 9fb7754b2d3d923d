"""Matrices of differences with their verdicts: drop from dense, gain over controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from descale.report.cells import Span
from descale.report.evidence import MARGINS, Comparison, Evidence
from descale.report.looks import CONTROLS, DENSE, architecture_title, strategy_title
from descale.report.words import points

LEVELS_SHOWN = 3
DARKEST = 0.12
"""A difference of this much IoU or more is drawn in the darkest shade."""


@dataclass(frozen=True)
class Place:
    """One cell of a matrix.

    Attributes:
        value, bounds: points of IoU, and their 95 % interval in brackets.
        sign, meaning: the verdict as a sign and in words.
        shade: 0 (fine) to 1 (as bad as it gets).
    """

    value: str
    bounds: str = ""
    sign: str = ""
    meaning: str = ""
    shade: float = 0.0


@dataclass(frozen=True)
class Matrix:
    """A table with sparsities as groups of columns.

    Attributes:
        groups: heading and number of columns of each group.
        rows: name, a number that belongs to the whole row, and the places.
        left_out: sparsities in between that are not shown.
    """

    groups: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Place, ...]], ...]
    left_out: int


def drop_matrix(evidence: Sequence[Evidence], strategies: Sequence[str]) -> Matrix:
    """Drop from the dense parent: networks down, sparsities and strategies across."""
    known = {(i.cell.network, i.cell.sparsity, i.cell.strategy): i for i in evidence}
    levels = _levels(evidence)
    columns = [
        (level, strategy)
        for level in _shown(levels)
        for strategy in strategies
        if strategy != DENSE and any(key[1:] == (level, strategy) for key in known)
    ]
    rows = []
    for network in dict.fromkeys(item.cell.network for item in evidence):
        dense = known.get((network, 0.0, DENSE))
        places = tuple(_drop(known.get((network, *column))) for column in columns)
        iou = f"{dense.cell.iou.estimate:.3f}" if dense else "–"
        rows.append((_network(network, evidence), iou, places))
    return Matrix(
        _groups([level for level, _ in columns]),
        tuple(strategy_title(strategy) for _, strategy in columns),
        tuple(rows),
        len(levels) - len(_shown(levels)),
    )


def control_matrix(evidence: Sequence[Evidence]) -> Matrix | None:
    """Gain over each control: models down, sparsities and controls across; ``None`` if no control ran."""
    known = {(i.cell.network, i.cell.strategy, i.cell.sparsity): i for i in evidence if i.against_controls}
    if not known:
        return None
    levels = _levels(evidence)
    ran = [control for control in CONTROLS if any(control in i.against_controls for i in known.values())]
    columns = [(level, control) for level in _shown(levels) for control in ran]
    rows = []
    for network, strategy in dict.fromkeys((key[0], key[1]) for key in known):
        places = []
        for level, control in columns:
            item = known.get((network, strategy, level))
            places.append(_gain(item.against_controls.get(control) if item else None))
        rows.append((f"{_network(network, evidence)}, {strategy_title(strategy)}", "", tuple(places)))
    return Matrix(
        _groups([level for level, _ in columns]),
        tuple(strategy_title(control) for _, control in columns),
        tuple(rows),
        len(levels) - len(_shown(levels)),
    )


def _drop(item: Evidence | None) -> Place:
    if item is None:
        return Place("–", meaning="not finished")
    if item.cell.drop is None:
        return Place("–", meaning="its dense network is not in the table")
    drop = item.cell.drop
    sign, meaning = _verdict(item)
    return Place(_points(drop.estimate), _bounds(drop), sign, meaning, _shade(drop.estimate))


def _verdict(item: Evidence) -> tuple[str, str]:
    if item.cell.collapsed:
        return "✖", "collapsed: " + "; ".join(dict.fromkeys(item.cell.collapsed))
    against = item.against_dense
    if against is None or not against.proven:
        return "", "not tested"
    for margin, holds in sorted(against.no_worse.items()):
        if holds:
            return ("✔✔" if margin == MARGINS[0] else "✔"), f"shown to lose less than {points(margin)}"
    if against.worse:
        return "▼", "shown to be worse than dense"
    return "○", "undecided: the interval allows both"


def _gain(comparison: Comparison | None) -> Place:
    if comparison is None:
        return Place("–", meaning="not run")
    loss = comparison.loss
    low, high = loss.high, loss.low
    gain = Span(-loss.estimate, None if low is None else -low, None if high is None else -high)
    if not comparison.proven:
        sign, meaning = "", "not tested"
    elif comparison.better:
        sign, meaning = "▲", "better than the control beyond doubt"
    elif comparison.worse:
        sign, meaning = "▼", "worse than the control beyond doubt"
    else:
        sign, meaning = "○", "undecided: the interval allows both"
    return Place(_points(gain.estimate), _bounds(gain), sign, meaning, _shade(loss.estimate))


def _levels(evidence: Sequence[Evidence]) -> list[float]:
    return sorted({item.cell.sparsity for item in evidence if not item.cell.dense})


def _shown(levels: Sequence[float]) -> list[float]:
    if len(levels) <= LEVELS_SHOWN:
        return list(levels)
    return [levels[0], levels[len(levels) // 2], levels[-1]]


def _groups(levels: Sequence[float]) -> tuple[tuple[str, int], ...]:
    return tuple((f"{100 * level:g} %", levels.count(level)) for level in dict.fromkeys(levels))


def _network(network: tuple[str, str], evidence: Sequence[Evidence]) -> str:
    several = len({item.cell.encoder for item in evidence}) > 1
    return architecture_title(network[0]) + (f" / {network[1]}" if several else "")


def _points(value: float) -> str:
    shown = f"{100 * value:.1f}"
    return "0.0" if shown == "-0.0" else shown.replace("-", "−")


def _bounds(span: Span) -> str:
    if span.low is None or span.high is None:
        return ""
    return f"{_points(span.low)} to {_points(span.high)}"


def _shade(loss: float) -> float:
    return round(min(max(loss, 0.0) / DARKEST, 1.0), 2)
