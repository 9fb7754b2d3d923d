"""What came of a compression: what was tried, what was chosen, and what a little more or less would cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from descale.compression.candidates import Candidate
from descale.compression.request import Limits
from descale.evaluation.bootstrap import Interval

APART = 0.1
"""Share of its time by which another network must differ before a price by the millisecond is told."""


@dataclass(frozen=True)
class Tried:
    """A network that was trained.

    Attributes:
        candidate: what it is.
        stage: in which it was trained: ``parent``, ``round 1``, ``round 2``, ``beside``, ``final``.
        epochs: of its last training.
        score: corrosion IoU on the validation split, 0..1.
    """

    candidate: Candidate
    stage: str
    epochs: int
    score: float


@dataclass(frozen=True)
class Final:
    """The network that was made in the end, measured.

    Attributes:
        candidate: what it is.
        model: its folder.
        split: on which ``iou`` and ``drop`` were taken: ``test``, or ``valid`` where there is no test split.
        iou: corrosion IoU with its 95 % interval.
        drop: below the best dense network, 0..1, with its interval; paired by photo.
        precision: ``float32`` or ``int8``.
        ms: measured on the finished bundle; predicted where it is for another device, nan where that was for
            INT8 and INT8 was refused.
        megabytes: of the bundle.
        drop_valid: on the validation split, by which it is decided whether another network is tried.
        collapsed: why it counts as collapsed, empty if it does not.
        collapsed_valid: the same on the validation split.
        refused: why there is no INT8 though it was demanded, else empty.
        notes: what a person should know, a sentence each.
    """

    candidate: Candidate
    model: Path
    split: str
    iou: Interval
    drop: Interval
    precision: str
    ms: float
    megabytes: float
    drop_valid: float
    collapsed: tuple[str, ...] = ()
    collapsed_valid: tuple[str, ...] = ()
    refused: str = ""
    notes: tuple[str, ...] = ()

    def violations(self, limits: Limits) -> tuple[str, ...]:
        """Which limits it misses, in words; a collapsed network keeps none, nor one that INT8 was refused."""
        return (*self.costs_missed(limits), *_loss_missed(limits, self.drop.estimate, self.collapsed))

    def violations_by_validation(self, limits: Limits) -> tuple[str, ...]:
        """The same with the loss on the validation split: what may be chosen by."""
        return (*self.costs_missed(limits), *_loss_missed(limits, self.drop_valid, self.collapsed_valid))

    def costs_missed(self, limits: Limits) -> tuple[str, ...]:
        """Which limits of costs it misses, in words."""
        missed = []
        if self.refused:
            missed.append(self.refused)
        if limits.ms is not None and self.ms > limits.ms:
            missed.append(f"{self.ms:.1f} ms instead of {limits.ms:g}")
        if limits.macs is not None and self.candidate.costs.macs > limits.macs:
            missed.append(f"{self.candidate.costs.macs:.3g} MACs instead of {limits.macs:.3g}")
        if limits.mb is not None and self.megabytes > limits.mb:
            missed.append(f"{self.megabytes:.2f} MB instead of {limits.mb:g}")
        return tuple(missed)


def _loss_missed(limits: Limits, drop: float, collapsed: tuple[str, ...]) -> Iterator[str]:
    yield from (f"it has collapsed: {reason}" for reason in collapsed)
    # not "greater than": a drop that is not defined keeps no limit
    if limits.drop is not None and not 100 * drop <= limits.drop:
        yield f"{100 * drop:.1f} points lost instead of {limits.drop:g}"


def nearest(finished: Sequence[Final], limits: Limits) -> int:
    """Place of the network that misses the fewest limits by the validation split, of those the least loss."""

    def missing(place: int) -> tuple[int, float]:
        final = finished[place]
        drop = final.drop_valid if math.isfinite(final.drop_valid) else math.inf
        return len(final.violations_by_validation(limits)), drop

    return min(range(len(finished)), key=missing)


def milliseconds(time: float) -> str:
    """A time in words.

    >>> milliseconds(7.25), milliseconds(float("nan"))
    ('7.2 ms', 'time not known')
    """
    return "time not known" if time != time else f"{time:.1f} ms"


def points_lost(drop: float) -> str:
    """A drop of IoU, 0..1, in words.

    >>> points_lost(0.012), points_lost(-0.02)
    ('1.2 points lost', '2.0 points gained')
    """
    return f"{100 * abs(drop):.1f} points {'gained' if drop < 0 else 'lost'}"


def last_of_each(tried: Sequence[Tried]) -> list[Tried]:
    """Every candidate once, as it was trained last, the best first."""
    found = {one.candidate.name: one for one in tried}
    return sorted(found.values(), key=lambda one: -one.score)


def offers(tried: Sequence[Tried], final: Final, limits: Limits, dense: float) -> list[str]:
    """The two nearest to limits that cannot be met together: what was made in the end, one within the loss.

    Args:
        tried: all that was trained.
        final: what was recovered fully.
        limits: that were asked for.
        dense: validation score of the best dense network, 0..1.
    """
    within = not (final.costs_missed(limits) or final.collapsed)
    lines = [
        f"{'Within the costs' if within else 'Made in the end'}: {final.candidate.title}, {final.precision}, "
        f"{milliseconds(final.ms)}, {final.megabytes:.2f} MB, "
        f"{points_lost(final.drop.estimate)}. It lies in {final.model}."
    ]
    if limits.drop is not None:
        keeping = [one for one in tried if 100 * (dense - one.score) <= limits.drop]
        if keeping:
            least = min(keeping, key=lambda one: known_ms(one, final))
            lost = 100 * (dense - least.score)
            lines.append(
                f"Within the loss, of what was trained: {least.candidate.title}, "
                f"{milliseconds(known_ms(least, final))}, {lost:.1f} points lost on the validation photos."
            )
    return lines


def known_ms(one: Tried, final: Final) -> float:
    """Milliseconds: of the network of the bundle as measured, else as predicted."""
    measured = one.candidate == final.candidate and math.isfinite(final.ms)
    return final.ms if measured else one.candidate.costs.ms


def margins(tried: Sequence[Tried], chosen: Candidate) -> list[str]:
    """What one point more or one millisecond less would have cost, from runs of equal length beside it.

    Compared are networks of the same round, each with as many epochs as the chosen one had there.
    """
    lines = []
    own = next((one for one in tried if one.candidate == chosen and one.stage == "round 1"), None)
    if own is None:
        return ["Nothing else was trained beside it, so what more or less would cost is not known."]
    same = [one for one in tried if one.stage in ("round 1", "beside") and one.epochs == own.epochs]
    apart = APART * chosen.costs.ms
    wider = [
        one for one in same if one.candidate.costs.ms > chosen.costs.ms + apart and one.score > own.score
    ]
    narrower = [one for one in same if one.candidate.costs.ms < chosen.costs.ms - apart]
    if wider:
        best = min(wider, key=lambda one: _slope(own, one))
        lines.append(
            f"One point more would cost about {_slope(own, best):.2g} ms: {best.candidate.title} had "
            f"{100 * (best.score - own.score):.1f} points more after as many epochs, with "
            f"{best.candidate.costs.ms:.1f} ms."
        )
    else:
        lines.append("No wider network that was tried beside it scored more.")
    if narrower:
        best = min(narrower, key=lambda one: _loss_per_ms(own, one))
        lines.append(
            f"One millisecond less would cost about {_loss_per_ms(own, best):.2g} points: "
            f"{best.candidate.title} had {best.candidate.costs.ms:.1f} ms and scored "
            f"{100 * (best.score - own.score):+.1f} points after as many epochs."
        )
    else:
        lines.append("No faster network was tried beside it.")
    return lines


def _slope(own: Tried, other: Tried) -> float:
    """Milliseconds for a point."""
    return (other.candidate.costs.ms - own.candidate.costs.ms) / (100 * (other.score - own.score))


def _loss_per_ms(own: Tried, other: Tried) -> float:
    """Points for a millisecond."""
    return 100 * (own.score - other.score) / (own.candidate.costs.ms - other.candidate.costs.ms)
