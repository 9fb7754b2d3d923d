"""Pareto fronts, and the points on them that a reader would pick, each with its reason in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from descale.base.columns import COLUMNS, COSTS
from descale.report.cells import Cell, named
from descale.report.limits import ROUNDING
from descale.report.words import amount, points

TOLERANCE = 0.02
"""The recommended model is the cheapest within this much IoU of the best: what the field calls small."""


@dataclass(frozen=True)
class Marked:
    """A point worth picking.

    Attributes:
        letter: its mark in charts, the same for a role whether the others have a model of their own or not.
        role: what it is best for.
        reasons: sentences that say what it gains and gives up.
    """

    letter: str
    role: str
    cell: Cell
    reasons: tuple[str, ...]


def candidates(cells: Sequence[Cell]) -> list[Cell]:
    """Cells that may be picked: no controls, nothing collapsed."""
    return [cell for cell in cells if not cell.control and not cell.collapsed]


def pareto_front(cells: Sequence[Cell], cost: str) -> list[Cell]:
    """Candidates that no other candidate beats in both cost and IoU, from cheap to expensive."""
    priced = [(value, cell) for cell in candidates(cells) if (value := cell.mean(cost)) is not None]
    priced.sort(key=lambda pair: (pair[0], -pair[1].iou.estimate))
    front: list[Cell] = []
    for _, cell in priced:
        if not front or cell.iou.estimate > front[-1].iou.estimate:
            front.append(cell)
    return front


def known_costs(cells: Sequence[Cell]) -> list[str]:
    """Costs that every cell has, measured latency first."""
    return [cost for cost in COSTS if cells and all(cell.mean(cost) is not None for cell in cells)]


def marked_points(cells: Sequence[Cell], cost: str) -> list[Marked]:
    """The recommended, the most accurate and the smallest useful model of one data set, without repeats."""
    front = pareto_front(cells, cost)
    if not front:
        return []
    best = front[-1]
    recommended = next(c for c in front if best.iou.estimate - c.iou.estimate <= TOLERANCE + ROUNDING)
    roles = [("A", recommended, f"Recommended: the cheapest within {points(TOLERANCE)} of the best")]
    if best is not recommended:
        roles.append(("B", best, "Most accurate"))
    smallest = next((cell for cell in front if _clears_colour(cell)), None)
    if smallest is not None and smallest is not recommended and smallest is not best:
        tested = smallest.iou.low is not None
        role = (
            "Smallest that clearly clears the floors" if tested else "Smallest above the floors (not tested)"
        )
        roles.append(("C", smallest, role))
    return [
        Marked(letter, role, cell, tuple(_reasons(cell, cells, front, cost))) for letter, cell, role in roles
    ]


def compare(cell: Cell, other: Cell, cost: str) -> str:
    """How ``cell`` differs from ``other``: points of IoU, and times the cost."""
    gain = cell.iou.estimate - other.iou.estimate
    ours, theirs = cell.mean(cost), other.mean(cost)
    worth = (
        f"{points(abs(gain))} {'more' if gain >= 0 else 'less'} IoU"
        if abs(gain) >= 0.0005
        else "the same IoU"
    )
    if not ours or not theirs:
        return worth
    if ours <= theirs:
        ratio, side = theirs / ours, "less"
    else:
        ratio, side = ours / theirs, "more"
    if ratio < 1.05:
        return f"{worth} at the same {COLUMNS[cost].title}"
    return (
        f"{worth} with {ratio:.2g} times {side} {COLUMNS[cost].title}"
        if ratio < 10
        else (f"{worth} with {ratio:.0f} times {side} {COLUMNS[cost].title}")
    )


def floor_warning(cell: Cell) -> str:
    """What to say of a model that a constant answer or a colour threshold beats; empty if it clears both."""
    for column, name in (("iou_trivial", "a constant answer"), ("iou_colour", "a threshold on colour")):
        floor = cell.mean(column)
        if floor is not None and cell.iou.estimate <= floor:
            return f"Do not use it yet: {name} reaches IoU {floor:.3f}, at no cost."
    return ""


def _reasons(cell: Cell, cells: Sequence[Cell], front: Sequence[Cell], cost: str) -> list[str]:
    position = front.index(cell)
    best = front[-1]
    reasons = []
    if cell is not best:
        reasons.append(f"Against the most accurate ({named(best, cells)}): {compare(cell, best, cost)}.")
    else:
        others = [c for c in candidates(cells) if c is not best]
        if others:
            second = max(others, key=lambda c: c.iou.estimate)
            reasons.append(
                f"The second most accurate ({named(second, cells)}) offers {compare(second, best, cost)}."
            )
    loss = best.iou.estimate - cell.iou.estimate
    price = cell.mean(cost)
    rivals = [
        c
        for c in candidates(cells)
        if c is not cell
        and price
        and (value := c.mean(cost)) is not None
        and 0.5 * price <= value <= 1.1 * price
    ]
    if rivals and cell is not best:
        rival = max(rivals, key=lambda c: c.iou.estimate)
        rival_loss = best.iou.estimate - rival.iou.estimate
        if rival_loss > 0 and loss <= 0.5 * rival_loss:
            share = "Half" if loss >= 0.4 * rival_loss else f"{100 * max(loss, 0) / rival_loss:.0f} % of"
            reasons.append(
                f"{share} the IoU loss of the next at about the same {COLUMNS[cost].title} "
                f"({named(rival, cells)})."
            )
    if position > 0 and cell is not best:
        cheaper = front[position - 1]
        reasons.append(
            f"The next cheaper on the front ({named(cheaper, cells)}) offers {compare(cheaper, cell, cost)}."
        )
    elif cell is not best:
        reasons.append(f"Nothing finished is cheaper and not collapsed: {amount(price, cost)}.")
    return reasons


def _clears_colour(cell: Cell) -> bool:
    floor = max(cell.mean("iou_colour") or 0.0, cell.mean("iou_trivial") or 0.0)
    lower = cell.iou.low if cell.iou.low is not None else cell.iou.estimate
    return lower > floor
