"""The charts of the report: cost against IoU, sparsity against IoU, where channels went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from descale.study.report.cells import Cell
from descale.study.report.fronts import COST_TITLES, Marked, pareto_front
from descale.study.report.rows import architecture_title, strategy_title
from descale.study.report.svg import (
    Scale,
    line,
    marker,
    picture,
    polyline,
    style_of,
    text,
    whisker,
)
from descale.study.report.words import amount, short, span

WHISKERS_UP_TO = 60
"""With more points than this only those on the front show their interval."""


def front_chart(
    name: str, cells: Sequence[Cell], cost: str, marked: Sequence[Marked], numbers: Mapping[int, int]
) -> str:
    """IoU against a cost on a logarithmic axis, with the front, both floors and the marked points.

    Args:
        numbers: ``id(cell)`` to the number that the page's filters know the cell by.
    """
    width, height, left, right, top, bottom = 760.0, 430.0, 62.0, 18.0, 22.0, 52.0
    priced = [(value, cell) for cell in cells if (value := cell.mean(cost))]
    if not priced:
        return ""
    costs = [value for value, _ in priced]
    x = Scale(min(costs) / 1.35, max(costs) * 1.35, left, width - right, logarithmic=True)
    tops = [cell.iou.high or cell.iou.estimate for _, cell in priced]
    y = Scale(0.0, min(1.0, max(tops) + 0.06), height - bottom, top)
    strategies = sorted({cell.strategy for cell in cells})
    body = _frame(x, y, left, width - right, top, height - bottom, cost)
    body += _floors(cells, y, left, width - right)
    front = pareto_front(cells, cost)
    front_ids = {id(cell) for cell in front}
    steps: list[tuple[float, float]] = []
    for cell in front:
        px, py = x(cell.mean(cost) or 1.0), y(cell.iou.estimate)
        steps += [(px, steps[-1][1]), (px, py)] if steps else [(px, py)]
    if steps:
        body.append(polyline([*steps, (width - right, steps[-1][1])], "front"))
    letters = {id(point.cell): point.letter for point in marked}
    ordered = sorted(priced, key=lambda pair: (id(pair[1]) in letters, id(pair[1]) in front_ids))
    for value, cell in ordered:
        style = style_of(cell.strategy, strategies)
        px, py = x(value), y(cell.iou.estimate)
        on_front = id(cell) in front_ids
        parts = []
        if cell.iou.known and (on_front or len(priced) <= WHISKERS_UP_TO):
            parts.append(whisker(px, y(cell.iou.low or 0.0), y(cell.iou.high or 0.0), style.colour))
        ring = '<circle r="11" class="ring"/>' if id(cell) in letters else ""
        parts.append(
            f'<g transform="translate({px:.1f} {py:.1f})">{ring}{marker(style, 5.5 if on_front else 4.2)}</g>'
        )
        css = "point" + (" on-front" if on_front else "") + (" collapsed" if cell.collapsed else "")
        tip = _tip(cell, cost)
        body.append(
            f'<g class="{css}" data-cell="{numbers[id(cell)]}"><title>{escape(tip)}</title>'
            f"{''.join(parts)}</g>"
        )
    body += _letters(marked, cost, x, y, width - right)
    what = f"Corrosion IoU against {COST_TITLES[cost]} of {len(priced)} configurations"
    return picture(width, height, name, f"{what}. The table below the chart has the same values.", body)


def sparsity_chart(name: str, cells: Sequence[Cell], highest: float) -> str:
    """IoU against sparsity of one network: a line per strategy, controls hollow, floors drawn in."""
    width, height, left, right, top, bottom = 372.0, 268.0, 46.0, 14.0, 30.0, 44.0
    sparsities = sorted({cell.sparsity for cell in cells})
    x = Scale(0.0, max(1.0, *sparsities), left, width - right)
    y = Scale(0.0, highest, height - bottom, top)
    strategies = sorted({cell.strategy for cell in cells})
    dense = next((cell for cell in cells if cell.dense), None)
    body = [text(left, 16, architecture_title(cells[0].architecture), css="panel")]
    for tick in y.ticks():
        body += [
            line(left, y(tick), width - right, y(tick), "grid"),
            text(left - 6, y(tick) + 4, f"{tick:g}", anchor="end"),
        ]
    for tick in sorted({0.0, *sparsities}):
        body += [
            line(x(tick), height - bottom, x(tick), height - bottom + 4, "axis"),
            text(x(tick), height - bottom + 17, f"{100 * tick:g}", anchor="middle"),
        ]
    body.append(line(left, height - bottom, width - right, height - bottom, "axis"))
    body.append(
        text((left + width - right) / 2, height - 8, "channels removed, %", anchor="middle", css="label")
    )
    body += _floors(cells, y, left, width - right, brief=True)
    # Neighbouring strategies are moved apart a little, or their intervals would cover one another.
    moving = [s for s in strategies if s != "dense"]
    for strategy in moving:
        style = style_of(strategy, strategies)
        shift = (moving.index(strategy) - (len(moving) - 1) / 2) * 4.5
        own = sorted((c for c in cells if c.strategy == strategy), key=lambda c: c.sparsity)
        places = [(x(c.sparsity) + shift, y(c.iou.estimate)) for c in own]
        start = [(x(0.0), y(dense.iou.estimate))] if dense else []
        body.append(polyline([*start, *places], "series", style.colour, style.dash))
        for cell, (px, py) in zip(own, places, strict=True):
            body.append(_mark(cell, px, py, y, strategies))
    if dense:
        body.append(_mark(dense, x(0.0), y(dense.iou.estimate), y, strategies))
    title = f"{architecture_title(cells[0].architecture)}: corrosion IoU against sparsity, by strategy"
    return picture(width, height, name, title, body)


def channel_chart(
    name: str, title: str, kept: Sequence[tuple[str, int, int]], borders: Sequence[tuple[int, str]]
) -> str:
    """Share of channels kept, a bar per layer from input to output; the outline is the dense width.

    Args:
        kept: layer name, channels before, channels after.
        borders: index of the first layer of each part of the network, and the part's name.
    """
    width, height, left, right, top, bottom = 760.0, 150.0, 46.0, 10.0, 26.0, 30.0
    y = Scale(0.0, 1.0, height - bottom, top)
    step = (width - left - right) / max(len(kept), 1)
    body = [text(left, 14, title, css="panel")]
    for tick in (0.0, 0.5, 1.0):
        body += [
            line(left, y(tick), width - right, y(tick), "grid"),
            text(left - 6, y(tick) + 4, f"{100 * tick:g} %", anchor="end"),
        ]
    bars = []
    for index, (layer, before, after) in enumerate(kept):
        px = left + index * step
        share = after / before
        bars.append(
            f"<g><title>{escape(f'{layer}: {after} of {before} channels kept ({100 * share:.0f} %)')}</title>"
            f'<rect x="{px:.2f}" y="{y(1):.1f}" width="{step:.2f}" height="{y(0) - y(1):.1f}" class="was"/>'
            f'<rect x="{px:.2f}" y="{y(share):.1f}" width="{max(step - 0.6, 0.4):.2f}" '
            f'height="{y(0) - y(share):.1f}" class="is"/></g>'
        )
    body += bars
    for index, part in borders:
        px = left + index * step
        body += [
            line(px, top - 4, px, height - bottom, "border"),
            text(px + 3, height - bottom + 13, part, css="tick"),
        ]
    return picture(width, height, name, f"{title}: share of channels kept in each layer", body)


def legend_mark(strategy: str, strategies: Sequence[str]) -> str:
    """A small picture of a strategy's line and marker, for legends outside of charts."""
    style = style_of(strategy, strategies)
    return (
        '<svg viewBox="0 0 40 16" width="40" height="16" aria-hidden="true">'
        + (polyline([(1, 8), (39, 8)], "series", style.colour, style.dash) if strategy != "dense" else "")
        + f'<g transform="translate(20 8)">{marker(style, 4.8)}</g></svg>'
    )


def _frame(x: Scale, y: Scale, left: float, right: float, top: float, bottom: float, cost: str) -> list[str]:
    body = []
    for tick in y.ticks():
        body += [
            line(left, y(tick), right, y(tick), "grid"),
            text(left - 8, y(tick) + 4, f"{tick:g}", anchor="end"),
        ]
    for tick in x.ticks():
        unit = "B" if cost == "size_bytes" else ""
        body += [
            line(x(tick), bottom, x(tick), bottom + 5, "axis"),
            text(x(tick), bottom + 19, short(tick) + unit, anchor="middle"),
        ]
    unit = " in ms" if cost == "latency_ms" else ""
    body += [
        line(left, bottom, right, bottom, "axis"),
        text(
            (left + right) / 2,
            bottom + 42,
            f"{COST_TITLES[cost]}{unit} (logarithmic; cheaper is left)",
            anchor="middle",
            css="label",
        ),
        text(
            16, (top + bottom) / 2, "corrosion IoU (higher is better)", anchor="middle", css="label", turn=-90
        ),
    ]
    return body


def _floors(cells: Sequence[Cell], y: Scale, left: float, right: float, *, brief: bool = False) -> list[str]:
    body = []
    for column, name, dash in (
        ("iou_trivial", "trivial answer", "2 4"),
        ("iou_colour", "colour threshold", "9 4"),
    ):
        values = [value for cell in cells if (value := cell.mean(column)) is not None]
        if not values:
            continue
        level = y(max(values))
        label = name if brief else f"floor: {name} {max(values):.3f}"
        body += [
            line(left, level, right, level, "floor", dash),
            text(left + 4, level - 4, label, css="floor-label"),
        ]
    return body


def _letters(marked: Sequence[Marked], cost: str, x: Scale, y: Scale, right: float) -> list[str]:
    body = []
    for point in marked:
        value = point.cell.mean(cost)
        if not value:
            continue
        px, py = x(value), y(point.cell.iou.estimate)
        label = f"{point.letter}  {point.cell.title}"
        # Above the interval, towards the side with more room.
        top = min(py - 14, y(point.cell.iou.high) - 7) if point.cell.iou.high is not None else py - 16
        anchor = "end" if px > right - 130 else "middle" if px > 200 else "start"
        body.append(text(px, top, label, anchor=anchor, css="letter"))
    return body


def _mark(cell: Cell, px: float, py: float, y: Scale, strategies: Sequence[str]) -> str:
    style = style_of(cell.strategy, strategies)
    interval = (
        whisker(px, y(cell.iou.low or 0.0), y(cell.iou.high or 0.0), style.colour) if cell.iou.known else ""
    )
    tip = f"{cell.title}: IoU {span(cell.iou.estimate, cell.iou.low, cell.iou.high)}"
    return (
        f'<g class="point"><title>{escape(tip)}</title>{interval}'
        f'<g transform="translate({px:.1f} {py:.1f})">{marker(style, 4.2)}</g></g>'
    )


def _tip(cell: Cell, cost: str) -> str:
    parts = [
        cell.title,
        f"IoU {span(cell.iou.estimate, cell.iou.low, cell.iou.high)}",
        amount(cell.mean(cost), cost),
    ]
    if cell.collapsed:
        parts.append("collapsed")
    if cell.control:
        parts.append(f"control: {strategy_title(cell.strategy)}")
    return "\n".join(parts)
