"""The ground of the report's charts: frame, axes, grid and floors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from descale.base.columns import COLUMNS
from descale.report.cells import Cell
from descale.report.svg import Scale, iou_scale, line, text
from descale.report.words import tick


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


def iou_axis(cells: Sequence[Cell], frame: Frame) -> Scale:
    """Scale of corrosion IoU for floors and the intervals of all cells; what has collapsed may lie below."""
    tops = [cell.iou.high or cell.iou.estimate for cell in cells] + [level for *_, level in _floors(cells)]
    highest = min(1.0, max(tops) + 0.03)
    lows = [cell.iou.low or cell.iou.estimate for cell in cells if not cell.control and not cell.collapsed]
    return iou_scale(lows, highest, frame.bottom, frame.top)


def compressed(y: Scale, frame: Frame) -> list[str]:
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


def iou_grid(y: Scale, frame: Frame) -> list[str]:
    """Horizontal lines with their values."""
    body = []
    for level in y.ticks():
        body.append(line(frame.left, y(level), frame.right, y(level), "grid"))
        body.append(text(frame.left - 7, y(level) + 4, f"{level:g}", anchor="end"))
    return body


def axes(x: Scale, y: Scale, frame: Frame, cost: str) -> list[str]:
    """The cost across, IoU upwards, with grid, values and titles."""
    body = iou_grid(y, frame)
    unit = {"size_bytes": "B", "latency_ms": " ms"}.get(cost, "")
    for value in x.ticks():
        body.append(line(x(value), frame.bottom, x(value), frame.bottom + 5, "axis"))
        body.append(text(x(value), frame.bottom + 19, tick(value) + unit, anchor="middle"))
    below = f"{COLUMNS[cost].title}, logarithmic"
    across, up = (frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2
    return [
        *body,
        line(frame.left, frame.bottom, frame.right, frame.bottom, "axis"),
        text(across, frame.bottom + 43, below, anchor="middle", css="label"),
        text(13, up, "corrosion IoU", anchor="middle", css="label", turn=-90),
    ]


def floors(cells: Sequence[Cell], y: Scale, frame: Frame, *, brief: bool = False) -> list[str]:
    """Lines at what needs no network: the trivial answer and colour alone."""
    body = []
    for name, dash, reached in _floors(cells):
        level = y(reached)
        label = name if brief else f"floor: {name} {reached:.3f}"
        body.append(line(frame.left, level, frame.right, level, "floor", dash))
        body.append(text(frame.left + 4, level - 4, label, css="floor-label"))
    return body


def _floors(cells: Sequence[Cell]) -> list[tuple[str, str, float]]:
    """Name, dashes and height of each floor that is known."""
    kinds = (("iou_trivial", "trivial answer", "2 4"), ("iou_colour", "colour alone", "9 4"))
    found = []
    for column, name, dash in kinds:
        values = [value for cell in cells if (value := cell.mean(column)) is not None]
        if values:
            found.append((name, dash, max(values)))
    return found
