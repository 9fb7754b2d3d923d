"""The page of a compression: the answer, what was tried, and what a little more or less would cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from markupsafe import Markup

from descale import __version__
from descale.compression.candidates import Candidate
from descale.compression.request import Limits, Request
from descale.compression.result import Final, Tried, milliseconds, points_lost
from descale.compression.search import Search
from descale.data import Dataset
from descale.report import svg
from descale.report.axes import Frame, iou_grid
from descale.report.page import page_source, page_templates
from descale.report.svg import Scale

FRAME = Frame(900.0, 420.0, 60.0, 30.0, 20.0, 50.0)
STAGES = {"parent": "dense parent", "beside": "beside the limits", "final": "full recovery"}


def render(
    request: Request,
    dataset: Dataset,
    search: Search,
    final: Final,
    missed: Sequence[str],
    offers: Sequence[str],
) -> str:
    """The page as HTML, nothing outside of it needed."""
    style = page_source(page_templates("descale.report"), "style.css")
    table = search.table()
    return (
        page_templates("descale.compression")
        .get_template("compress.html.j2")
        .render(
            title=f"Compressed: {dataset.name}",
            dataset=dataset.name,
            limits=limits_in_words(request.limits),
            version=__version__,
            now=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            minutes=round(search.journal.seconds / 60),
            style=style,
            verdict=verdict(final, missed),
            facts=_facts(request, final),
            offers=offers,
            chart=Markup(chart(table, final, request.limits)),
            rows=[_row(one, final, request.limits, int8=search.int8) for one in table],
            margins=search.margins(final.candidate),
            notes=final.notes,
            chosen=how_it_was_chosen(search.tried, search.candidates, request.limits),
            scored_on=_scored_on(final),
        )
    )


def limits_in_words(limits: Limits) -> str:
    """``at most 20 ms, at most 2 points lost``.

    >>> limits_in_words(Limits(ms=20, drop=2))
    'at most 20 ms, at most 2 points lost'
    """
    parts = [
        None if limits.ms is None else f"at most {limits.ms:g} ms",
        None if limits.mb is None else f"at most {limits.mb:g} MB",
        None if limits.macs is None else f"at most {limits.macs:.3g} MACs",
        None if limits.drop is None else f"at most {limits.drop:g} points lost",
    ]
    return ", ".join(part for part in parts if part)


def verdict(final: Final, missed: Sequence[str]) -> str:
    """The answer in a sentence."""
    network = (
        f"{final.candidate.title}: {milliseconds(final.ms)}, {final.megabytes:.2f} MB, corrosion IoU "
        f"{_score(final.iou.estimate, final.iou.low, final.iou.high)}, "
        f"{points_lost(final.drop.estimate)} against the best dense network."
    )
    if not missed:
        return network
    return f"The limits cannot be met: {', '.join(missed)}. The nearest is {network}"


def how_it_was_chosen(tried: Sequence[Tried], candidates: Sequence[Candidate], limits: Limits) -> str:
    """What was compared, and for how long, as it came to pass."""
    if limits.costs:
        found = (
            "For every network and working size the widest within the limits was a candidate; its costs were "
            "known before it was trained."
        )
    else:
        found = "At every working size 50, 75 and 90 % of the channels gone were candidates."
    searched = any(one.stage.startswith("round") for one in tried)
    if searched:
        way = (
            "Candidates had a short recovery each, the better of them a longer one, the best all the time "
            "that was left."
        )
    else:
        way = "There was no time for a search: the most promising had all the time that was left."
    began = {one.candidate.name for one in tried}
    never = sum(one.name not in began for one in candidates)
    left_out = f" {never} of {len(candidates)} candidates were never tried." if never else ""
    return f"{found} {way}{left_out} All choices were made on the validation photos."


def _facts(request: Request, final: Final) -> list[tuple[str, str]]:
    low, high = 100 * final.drop.low, 100 * final.drop.high
    drop = points_lost(final.drop.estimate)
    if low == low:
        drop += f" (95 % interval of the loss {low:.1f} to {high:.1f})"
    costs = final.candidate.costs
    return [
        ("against dense", drop),
        ("time", f"{milliseconds(final.ms)} in {request.engine}, {request.threads} threads"),
        ("weights", final.precision),
        ("time when it was chosen", f"{costs.ms:.1f} ms"),
        ("parameters", f"{costs.params:,}"),
        ("MACs of one picture", f"{costs.macs:.3g}"),
        ("working size", f"{final.candidate.side[0]}x{final.candidate.side[1]} pixels"),
    ]


def _row(one: Tried, final: Final, limits: Limits, *, int8: bool) -> dict[str, object]:
    costs, made = one.candidate.costs, _is_made(one, final)
    return {
        "title": one.candidate.title,
        "stage": STAGES.get(one.stage, one.stage),
        "epochs": one.epochs,
        "score": f"{one.score:.3f}",
        "ms": f"{_ms(one, final):.1f}",
        "macs": f"{costs.macs / 1e6:.0f}",
        "mb": f"{final.megabytes if made else costs.megabytes(limits, int8=int8):.2f}",
        "chosen": one.candidate == final.candidate,
    }


def _is_made(one: Tried, final: Final) -> bool:
    """Whether it is the network of the bundle, whose costs were measured in the end."""
    return one.stage == "final" and one.candidate == final.candidate


def _ms(one: Tried, final: Final) -> float:
    """Milliseconds: of the network of the bundle as measured, else as predicted."""
    measured = _is_made(one, final) and math.isfinite(final.ms)
    return final.ms if measured else one.candidate.costs.ms


def _scored_on(final: Final) -> str:
    if final.split == "test":
        return "The scores above are of the test photos, which nothing was chosen by."
    return (
        "There is no test split, so the scores above are of the validation photos too, and somewhat too "
        "high: new photos tell."
    )


def _score(value: float, low: float, high: float) -> str:
    return f"{value:.3f}" if low != low else f"{value:.3f} ({low:.3f} to {high:.3f})"


def chart(table: Sequence[Tried], final: Final, limits: Limits) -> str:
    """Score against time, one mark a network: filled if pruned, open if dense, ringed if chosen."""
    times = [_ms(one, final) for one in table]
    x = Scale(min(times) / 1.4, max(times) * 1.4, FRAME.left, FRAME.right, logarithmic=True)
    scores = [one.score for one in table]
    y = Scale(max(0.0, min(scores) - 0.05), min(1.0, max(scores) + 0.05), FRAME.bottom, FRAME.top)
    body = iou_grid(y, FRAME)
    body.append(svg.line(FRAME.left, FRAME.bottom, FRAME.right, FRAME.bottom, "axis"))
    for tick in x.ticks():
        body.append(svg.text(x(tick), FRAME.bottom + 18, f"{tick:g}", anchor="middle"))
    body.append(
        svg.text(
            (FRAME.left + FRAME.right) / 2,
            FRAME.height - 8,
            "ms of one picture",
            anchor="middle",
            css="label",
        )
    )
    middle = (FRAME.top + FRAME.bottom) / 2
    body.append(svg.text(16, middle, "corrosion IoU", anchor="middle", css="label", turn=-90))
    if limits.ms is not None and x.low < limits.ms < x.high:
        body.append(svg.line(x(limits.ms), FRAME.top, x(limits.ms), FRAME.bottom, "floor", dash="5 4"))
        body.append(svg.text(x(limits.ms) + 5, FRAME.top + 12, f"limit {limits.ms:g} ms", css="floor-label"))
    taken: list[svg.Label] = []
    for one in table:
        px, py = x(_ms(one, final)), y(one.score)
        fill = "#fff" if one.candidate.sparsity == 0 else "#a63d00"
        body.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="5" fill="{fill}" stroke="#1b1b1b"/>')
        if one.candidate == final.candidate:
            body.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="10" class="ring"/>')
        title = one.candidate.title
        width = svg.LETTER_WIDTH * len(title)
        begins = [px + 12, px - 12 - width]  # on the right of its mark, or on the left
        inside = [begin for begin in begins if begin >= 0 and begin + width <= FRAME.width] or begins
        places = [(begin, base) for begin in inside for base in (py - 6, py + 16)]
        begin, base = min(
            places, key=lambda place: place[1] - svg.free_line([*taken], place[0], place[0] + width, place[1])
        )
        base = svg.free_line(taken, begin, begin + width, base)
        after = begin > px
        body.append(
            svg.text(
                px + (12 if after else -12), base, title, anchor="start" if after else "end",
                css="floor-label",
            )
        )  # fmt: skip
    return svg.picture(FRAME.width, FRAME.height, "tried", "IoU against time of what was tried", body)
