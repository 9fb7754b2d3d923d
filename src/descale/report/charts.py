"""The charts of scores: cost against IoU, sparsity against IoU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from descale.base.columns import COLUMNS
from descale.report.axes import Frame, axes, compressed, floors, iou_axis, iou_grid
from descale.report.cells import Cell, named
from descale.report.fronts import Marked, pareto_front
from descale.report.looks import DENSE, architecture_title, look_of, strategy_title
from descale.report.rows import CellKey
from descale.report.svg import (
    LETTER_WIDTH,
    Label,
    Scale,
    free_line,
    line,
    marker,
    picture,
    polyline,
    text,
    whisker,
)
from descale.report.words import amount, span

WHISKERS_UP_TO = 60
"""With more points than this only those on the front show their interval."""


def front_chart(
    name: str,
    cells: Sequence[Cell],
    cost: str,
    marked: Sequence[Marked],
    numbers: Mapping[CellKey, int],
    *,
    wide: bool = False,
) -> str:
    """IoU against a cost on a logarithmic axis, with the front, both floors and the marked points.

    Args:
        numbers: key of each cell to the number that the page's filters know the cell by.
        wide: over the whole width of the page instead of half of it.
    """
    frame = Frame(1100, 500, 64, 22, 30, 54) if wide else Frame(400, 350, 50, 16, 26, 52)
    priced = [(value, cell) for cell in cells if (value := cell.mean(cost))]
    if not priced:
        return ""
    costs = [value for value, _ in priced]
    x = Scale(min(costs) / 1.35, max(costs) * 1.35, frame.left, frame.right, logarithmic=True)
    y = iou_axis(cells, frame)
    strategies = sorted({cell.strategy for cell in cells})
    encoders = tuple({cell.encoder: cell for cell in cells}.values())  # one of each is enough for names
    body = [*compressed(y, frame), *axes(x, y, frame, cost), *floors(cells, y, frame)]
    front = pareto_front(cells, cost)
    front_keys = {cell.key for cell in front}
    steps: list[tuple[float, float]] = []
    for cell in front:
        px, py = x(cell.mean(cost) or 1.0), y(cell.iou.estimate)
        steps += [(px, steps[-1][1]), (px, py)] if steps else [(px, py)]
    if steps:
        body.append(polyline([*steps, (frame.right, steps[-1][1])], "front"))
    letters = {point.cell.key for point in marked}
    ordered = sorted(priced, key=lambda pair: (pair[1].key in letters, pair[1].key in front_keys))
    for value, cell in ordered:
        look = look_of(cell.strategy, strategies)
        px, py = x(value), y(cell.iou.estimate)
        on_front = cell.key in front_keys
        parts = []
        if cell.iou.known and (on_front or len(priced) <= WHISKERS_UP_TO):
            parts.append(whisker(px, y(cell.iou.low or 0.0), y(cell.iou.high or 0.0), look.colour))
        ring = '<circle r="11" class="ring"/>' if cell.key in letters else ""
        size = (6.2 if on_front else 5.0) if wide else (5.2 if on_front else 4.0)
        parts.append(f'<g transform="translate({px:.1f} {py:.1f})">{ring}{marker(look, size)}</g>')
        css = "point" + (" on-front" if on_front else "") + (" collapsed" if cell.collapsed else "")
        tip = escape(_tip(cell, encoders, cost))
        body.append(
            f'<g class="{css}" data-cell="{numbers[cell.key]}"><title>{tip}</title>{"".join(parts)}</g>'
        )
    body += _letters(marked, encoders, cost, x, y, frame, names=wide)
    what = f"Corrosion IoU against {COLUMNS[cost].title} of {len(priced)} configurations"
    return picture(
        frame.width, frame.height, name, f"{what}. The table below the charts has the same values.", body
    )


def sparsity_chart(name: str, cells: Sequence[Cell], everything: Sequence[Cell]) -> str:
    """IoU against sparsity of one network: a line per strategy, controls hollow, floors drawn in.

    Args:
        everything: cells of all networks, so that all panels have the same scale.
    """
    frame = Frame(372, 300, 46, 14, 32, 46)
    sparsities = sorted({cell.sparsity for cell in cells})
    x = Scale(0.0, max(1.0, *sparsities), frame.left, frame.right)
    y = iou_axis(everything, frame)
    strategies = sorted({cell.strategy for cell in everything})
    dense = next((cell for cell in cells if cell.dense), None)
    title = architecture_title(cells[0].architecture)
    body = [*compressed(y, frame), text(frame.left, 18, title, css="panel"), *iou_grid(y, frame)]
    for level in sorted({0.0, *sparsities}):
        body.append(line(x(level), frame.bottom, x(level), frame.bottom + 4, "axis"))
        body.append(text(x(level), frame.bottom + 17, f"{100 * level:g}", anchor="middle"))
    middle = (frame.left + frame.right) / 2
    body.append(line(frame.left, frame.bottom, frame.right, frame.bottom, "axis"))
    body.append(text(middle, frame.height - 8, "channels removed, %", anchor="middle", css="label"))
    body += floors(everything, y, frame, brief=True)
    # Neighbouring strategies are moved apart a little, or their intervals would cover one another.
    moving = [strategy for strategy in strategies if strategy != DENSE]
    for strategy in moving:
        look = look_of(strategy, strategies)
        shift = (moving.index(strategy) - (len(moving) - 1) / 2) * 4.5
        own = sorted((c for c in cells if c.strategy == strategy), key=lambda c: c.sparsity)
        places = [(x(c.sparsity) + shift, y(c.iou.estimate)) for c in own]
        start = [(x(0.0), y(dense.iou.estimate))] if dense else []
        body.append(polyline([*start, *places], "series", look.colour, look.dash))
        for cell, (px, py) in zip(own, places, strict=True):
            body.append(_mark(cell, px, py, y, strategies))
    if dense:
        body.append(_mark(dense, x(0.0), y(dense.iou.estimate), y, strategies))
    return picture(
        frame.width, frame.height, name, f"{title}: corrosion IoU against sparsity, by strategy", body
    )


def legend_mark(strategy: str, strategies: Sequence[str]) -> str:
    """A small picture of a strategy's line and marker, for legends outside of charts."""
    look = look_of(strategy, strategies)
    return (
        '<svg viewBox="0 0 40 16" width="40" height="16" aria-hidden="true">'
        + (polyline([(1, 8), (39, 8)], "series", look.colour, look.dash) if strategy != "dense" else "")
        + f'<g transform="translate(20 8)">{marker(look, 4.8)}</g></svg>'
    )


def _letters(
    marked: Sequence[Marked],
    encoders: Sequence[Cell],
    cost: str,
    x: Scale,
    y: Scale,
    frame: Frame,
    *,
    names: bool,
) -> list[str]:
    body = []
    taken: list[Label] = []
    for point in marked:
        value = point.cell.mean(cost)
        if not value:
            continue
        px, py = x(value), y(point.cell.iou.estimate)
        label = f"{point.letter}  {named(point.cell, encoders)}" if names else point.letter
        # Above the interval: nothing better is there, or the point would not be marked.
        above = y(point.cell.iou.high) - 7 if point.cell.iou.high is not None else py - 16
        width = LETTER_WIDTH * len(label)
        near_right = names and px > frame.right - max(130, width / 2)
        anchor = "end" if near_right else "middle" if px > 200 else "start"
        left = px - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        base = free_line(taken, left, left + width, max(12.0, min(py - 15, above)))
        body.append(text(px, base, label, anchor=anchor, css="letter"))
    return body


def _mark(cell: Cell, px: float, py: float, y: Scale, strategies: Sequence[str]) -> str:
    look = look_of(cell.strategy, strategies)
    interval = (
        whisker(px, y(cell.iou.low or 0.0), y(cell.iou.high or 0.0), look.colour) if cell.iou.known else ""
    )
    tip = f"{cell.title}: IoU {span(cell.iou.estimate, cell.iou.low, cell.iou.high)}"
    return (
        f'<g class="point"><title>{escape(tip)}</title>{interval}'
        f'<g transform="translate({px:.1f} {py:.1f})">{marker(look, 4.2)}</g></g>'
    )


def _tip(cell: Cell, encoders: Sequence[Cell], cost: str) -> str:
    parts = [
        named(cell, encoders),
        f"IoU {span(cell.iou.estimate, cell.iou.low, cell.iou.high)}",
        amount(cell.mean(cost), cost),
    ]
    if cell.collapsed:
        parts.append("collapsed")
    if cell.control:
        parts.append(f"control: {strategy_title(cell.strategy)}")
    return "\n".join(parts)
