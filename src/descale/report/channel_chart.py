"""The chart of where channels were removed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from descale.report.svg import Scale, line, picture, text


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
