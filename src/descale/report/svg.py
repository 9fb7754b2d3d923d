"""Primitives of inline SVG charts: scales, ticks, marker shapes, dashes, text. No library, no network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from descale.report.looks import Look


def _polygon(corners: int, turn: float = 0.0) -> Callable[[float], str]:
    def path(size: float) -> str:
        angles = [turn + 2 * math.pi * k / corners - math.pi / 2 for k in range(corners)]
        return "M" + "L".join(f"{size * math.cos(a):.2f} {size * math.sin(a):.2f}" for a in angles) + "Z"

    return path


def _star(size: float) -> str:
    angles = [math.pi * k / 5 - math.pi / 2 for k in range(10)]
    radii = [1.25 * size if k % 2 == 0 else 0.55 * size for k in range(10)]
    pairs = zip(radii, angles, strict=True)
    return "M" + "L".join(f"{r * math.cos(a):.2f} {r * math.sin(a):.2f}" for r, a in pairs) + "Z"


MARKERS: dict[str, Callable[[float], str]] = {
    "circle": lambda s: f"M{-s} 0A{s} {s} 0 1 0 {s} 0A{s} {s} 0 1 0 {-s} 0Z",
    "triangle": _polygon(3),
    "wedge": _polygon(3, math.pi),
    "square": _polygon(4, math.pi / 4),
    "diamond": _polygon(4),
    "pentagon": _polygon(5),
    "hexagon": _polygon(6),
    "star": _star,
    "cross": lambda s: f"M{-s} {-s}L{s} {s}M{-s} {s}L{s} {-s}",
    "plus": lambda s: f"M0 {-1.2 * s}V{1.2 * s}M{-1.2 * s} 0H{1.2 * s}",
}


def marker(look: Look, size: float = 5.5) -> str:
    """The marker of a look, around the origin."""
    area = MARKERS[look.marker](
        size * (1.15 if look.marker in ("triangle", "wedge", "diamond", "square") else 1)
    )
    if look.hollow:
        return f'<path d="{area}" fill="none" stroke="{look.colour}" stroke-width="2.2"/>'
    return f'<path d="{area}" fill="{look.colour}" stroke="#fff" stroke-width="1"/>'


COMPRESSED = 0.2
TICK_ROOM = 52.0
"""Pixels that the label of a tick needs."""


@dataclass(frozen=True)
class Scale:
    """Maps ``low..high`` to pixels ``start..end``, linearly or by logarithm.

    Attributes:
        knee: values between ``low`` and this one share the first fifth of the length; whoever draws the
            scale must say so. ``None`` for no compression.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False
    knee: float | None = None

    def __call__(self, value: float) -> float:
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        elif self.knee is not None:
            if value <= self.knee:
                share = COMPRESSED * (value - self.low) / (self.knee - self.low)
            else:
                share = COMPRESSED + (1 - COMPRESSED) * (value - self.knee) / (self.high - self.knee)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values within the scale."""
        if self.knee is not None:
            return [self.low, *linear_ticks(self.knee, self.high)]
        if not self.logarithmic:
            return linear_ticks(self.low, self.high)
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        room = abs(self.end - self.start) / TICK_ROOM
        values: list[float] = []
        for steps in ((1, 2, 5), (1, 3), (1,)):
            every = [step * 10.0**decade for decade in decades for step in steps]
            values = [value for value in every if self.low <= value <= self.high]
            if len(values) <= room:
                break
        return values if len(values) > 1 else linear_ticks(self.low, self.high)


def linear_ticks(low: float, high: float, wanted: int = 6) -> list[float]:
    """
    >>> linear_ticks(0, 0.75)
    [0.0, 0.2, 0.4, 0.6]
    """
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9)
    return [round(k * step, 10) for k in range(first, count + 1)]


def iou_scale(values: Sequence[float], high: float, start: float, end: float) -> Scale:
    """From 0 to ``high``; what lies well below all ``values`` is compressed, so that these spread out."""
    knee = math.floor((min(values, default=0.0) - 0.03) / 0.05) * 0.05
    return Scale(0.0, high, start, end, knee=round(knee, 2) if knee >= 0.3 * high else None)


def text(
    x: float, y: float, content: str, *, anchor: str = "start", css: str = "tick", turn: float = 0.0
) -> str:
    """A line of text; ``css`` is its class."""
    turned = f' transform="rotate({turn:g} {x:.1f} {y:.1f})"' if turn else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}"{turned}>{escape(content)}</text>'
    )


Label = tuple[float, float, float]
"""Left, right and base line of a label that stands already, in pixels."""
LETTER_WIDTH, LINE = 7.5, 16.0
"""About the size of a letter of the labels, in pixels, so that they do not lie on each other."""


def free_line(taken: list[Label], left: float, right: float, base: float) -> float:
    """The base line of a label: moved up until nothing of ``taken``, to which it is added, lies there."""
    while base > 12 and any(
        left < end and start < right and abs(base - line) < LINE for start, end, line in taken
    ):
        base = max(12.0, base - LINE)
    taken.append((left, right, base))
    return base


def line(x1: float, y1: float, x2: float, y2: float, css: str, dash: str = "") -> str:
    """A straight line of class ``css``."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"{dashed}/>'


def polyline(points: Sequence[tuple[float, float]], css: str, colour: str = "", dash: str = "") -> str:
    """Joined straight lines; an empty list gives nothing."""
    if not points:
        return ""
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    stroke = f' stroke="{colour}"' if colour else ""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{path}" class="{css}" fill="none"{stroke}{dashed}/>'


def whisker(x: float, low: float, high: float, colour: str, css: str = "whisker") -> str:
    """A vertical interval with caps."""
    path = f"M{x:.1f} {low:.1f}V{high:.1f}M{x - 3:.1f} {low:.1f}h6M{x - 3:.1f} {high:.1f}h6"
    return f'<path class="{css}" d="{path}" stroke="{colour}" fill="none"/>'


def picture(width: float, height: float, name: str, title: str, body: Sequence[str]) -> str:
    """A whole chart: one image to a screen reader, named by ``title``; its data stand in a table."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-labelledby="{name}-title" class="chart" id="{name}" style="max-width:{width:g}px">'
        f'<title id="{name}-title">{escape(title)}</title>{"".join(body)}</svg>'
    )
