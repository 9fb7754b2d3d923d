"""The charts of the report: cost against IoU, sparsity against IoU, where channels went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from descale.study.report.cells import Cell
from descale.study.report.fronts import COST_TITLES, Marked, pareto_front
from descale.study.report.rows import DENSE, architecture_title, strategy_title
from descale.study.report.svg import (
    Scale,
    iou_scale,
    line,
    marker,
    picture,
    polyline,
    style_of,
    text,
    whisker,
)
from descale.study.report.words import amount, span, tick

WHISKERS_UP_TO = 60
"""With more points than this only those on the front show their interval."""
LETTER_WIDTH, LINE = 7.5, 16.0
"""About the size of a letter of the labels, in pixels, so that they do not lie on each other."""


@dataclass(frozen=True)
class Frame:
    """Size of a chart and the margins around its plotting area, in pixels."""

    width: float
    height: float
    margin_left: float
    margin_right: float
    margin_top: float
    margin_bottom: float

    @property
    def left(self) -> float:
        return self.margin_left

    @property
    def right(self) -> float:
        return self.width - self.margin_right

    @property
    def top(self) -> float:
        return self.margin_top

    @property
    def bottom(self) -> float:
        return self.height - self.margin_bottom


def front_chart(
    name: str,
    cells: Sequence[Cell],
    cost: str,
    marked: Sequence[Marked],
    numbers: Mapping[int, int],
    *,
    wide: bool = False,
) -> str:
    """IoU against a cost on a logarithmic axis, with the front, both floors and the marked points.

    Args:
        numbers: ``id(cell)`` to the number that the page's filters know the cell by.
        wide: over the whole width of the page instead of half of it.
    """
    frame = Frame(1100, 500, 64, 22, 30, 54) if wide else Frame(400, 350, 50, 16, 26, 52)
    priced = [(value, cell) for cell in cells if (value := cell.mean(cost))]
    if not priced:
        return ""
    costs = [value for value, _ in priced]
    x = Scale(min(costs) / 1.35, max(costs) * 1.35, frame.left, frame.right, logarithmic=True)
    y = _iou_axis(cells, frame)
    strategies = sorted({cell.strategy for cell in cells})
    body = [*_compressed(y, frame), *_axes(x, y, frame, cost), *_floors(cells, y, frame)]
    front = pareto_front(cells, cost)
    front_ids = {id(cell) for cell in front}
    steps: list[tuple[float, float]] = []
    for cell in front:
        px, py = x(cell.mean(cost) or 1.0), y(cell.iou.estimate)
        steps += [(px, steps[-1][1]), (px, py)] if steps else [(px, py)]
    if steps:
        body.append(polyline([*steps, (frame.right, steps[-1][1])], "front"))
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
        size = (6.2 if on_front else 5.0) if wide else (5.2 if on_front else 4.0)
        parts.append(f'<g transform="translate({px:.1f} {py:.1f})">{ring}{marker(style, size)}</g>')
        css = "point" + (" on-front" if on_front else "") + (" collapsed" if cell.collapsed else "")
        body.append(
            f'<g class="{css}" data-cell="{numbers[id(cell)]}"><title>{escape(_tip(cell, cost))}</title>'
            f"{''.join(parts)}</g>"
        )
    body += _letters(marked, cost, x, y, frame, names=wide)
    what = f"Corrosion IoU against {COST_TITLES[cost]} of {len(priced)} configurations"
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
    y = _iou_axis(everything, frame)
    strategies = sorted({cell.strategy for cell in everything})
    dense = next((cell for cell in cells if cell.dense), None)
    title = architecture_title(cells[0].architecture)
    body = [*_compressed(y, frame), text(frame.left, 18, title, css="panel"), *_iou_grid(y, frame)]
    for level in sorted({0.0, *sparsities}):
        body.append(line(x(level), frame.bottom, x(level), frame.bottom + 4, "axis"))
        body.append(text(x(level), frame.bottom + 17, f"{100 * level:g}", anchor="middle"))
    middle = (frame.left + frame.right) / 2
    body.append(line(frame.left, frame.bottom, frame.right, frame.bottom, "axis"))
    body.append(text(middle, frame.height - 8, "channels removed, %", anchor="middle", css="label"))
    body += _floors(everything, y, frame, brief=True)
    # Neighbouring strategies are moved apart a little, or their intervals would cover one another.
    moving = [strategy for strategy in strategies if strategy != DENSE]
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
    return picture(
        frame.width, frame.height, name, f"{title}: corrosion IoU against sparsity, by strategy", body
    )


def channel_chart(
    name: str, title: str, kept: Sequence[tuple[str, int, int]], borders: Sequence[tuple[int, str]]
) -> str:
    """Share of channels kept, a bar per layer from input to output; the outline is the dense width.

    Args:
        kept: layer name, channels before, channels after.
        borders: index of the first layer of each part of the network, and the part's name.
    """
    width, height, left, right, top, bottom = 1100.0, 150.0, 52.0, 10.0, 26.0, 26.0
    y = Scale(0.0, 1.0, height - bottom, top)
    step = (width - left - right) / max(len(kept), 1)
    body = [text(left, 14, title, css="panel")]
    for level in (0.0, 0.5, 1.0):
        body += [
            line(left, y(level), width - right, y(level), "grid"),
            text(left - 6, y(level) + 4, f"{100 * level:g} %", anchor="end"),
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


def _iou_axis(cells: Sequence[Cell], frame: Frame) -> Scale:
    highest = min(1.0, max(cell.iou.high or cell.iou.estimate for cell in cells) + 0.03)
    lows = [cell.iou.low or cell.iou.estimate for cell in cells if not cell.control and not cell.collapsed]
    return iou_scale(lows, highest, frame.bottom, frame.top)


def _compressed(y: Scale, frame: Frame) -> list[str]:
    """A shaded band where the scale is compressed, with the words that say so."""
    if y.knee is None:
        return []
    top = y(y.knee)
    band = (
        f'<rect x="{frame.left:.1f}" y="{top:.1f}" width="{frame.right - frame.left:.1f}" '
        f'height="{frame.bottom - top:.1f}" class="band"/>'
    )
    words = f"scale compressed below {y.knee:g}"
    return [band, text(frame.right - 4, top + 13, words, anchor="end", css="band-label")]


def _iou_grid(y: Scale, frame: Frame) -> list[str]:
    body = []
    for level in y.ticks():
        body.append(line(frame.left, y(level), frame.right, y(level), "grid"))
        body.append(text(frame.left - 7, y(level) + 4, f"{level:g}", anchor="end"))
    return body


def _axes(x: Scale, y: Scale, frame: Frame, cost: str) -> list[str]:
    body = _iou_grid(y, frame)
    unit = {"size_bytes": "B", "latency_ms": " ms"}.get(cost, "")
    for value in x.ticks():
        body.append(line(x(value), frame.bottom, x(value), frame.bottom + 5, "axis"))
        body.append(text(x(value), frame.bottom + 19, tick(value) + unit, anchor="middle"))
    below = f"{COST_TITLES[cost]}, logarithmic"
    across, up = (frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2
    return [
        *body,
        line(frame.left, frame.bottom, frame.right, frame.bottom, "axis"),
        text(across, frame.bottom + 43, below, anchor="middle", css="label"),
        text(13, up, "corrosion IoU", anchor="middle", css="label", turn=-90),
    ]


def _floors(cells: Sequence[Cell], y: Scale, frame: Frame, *, brief: bool = False) -> list[str]:
    body = []
    for column, name, dash in (
        ("iou_trivial", "trivial answer", "2 4"),
        ("iou_colour", "colour alone", "9 4"),
    ):
        values = [value for cell in cells if (value := cell.mean(column)) is not None]
        if not values:
            continue
        level = y(max(values))
        label = name if brief else f"floor: {name} {max(values):.3f}"
        body.append(line(frame.left, level, frame.right, level, "floor", dash))
        body.append(text(frame.left + 4, level - 4, label, css="floor-label"))
    return body


def _letters(
    marked: Sequence[Marked], cost: str, x: Scale, y: Scale, frame: Frame, *, names: bool
) -> list[str]:
    body = []
    taken: list[tuple[float, float, float]] = []  # left, right and base line of the labels so far
    for point in marked:
        value = point.cell.mean(cost)
        if not value:
            continue
        px, py = x(value), y(point.cell.iou.estimate)
        label = f"{point.letter}  {point.cell.title}" if names else point.letter
        # Above the interval: nothing better is there, or the point would not be marked.
        above = y(point.cell.iou.high) - 7 if point.cell.iou.high is not None else py - 16
        anchor = "end" if px > frame.right - 130 and names else "middle" if px > 200 else "start"
        width = LETTER_WIDTH * len(label)
        left = px - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        base = max(12.0, min(py - 15, above))
        while base > 12 and any(
            left < right and start < left + width and abs(base - line) < LINE for start, right, line in taken
        ):
            base = max(12.0, base - LINE)
        taken.append((left, left + width, base))
        body.append(text(px, base, label, anchor=anchor, css="letter"))
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
