"""Sentences with their evidence: who suffers, whether controls do as well, which scene decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from descale.report.cells import Cell, named
from descale.report.evidence import MARGINS, Evidence
from descale.report.looks import architecture_title, strategy_title
from descale.report.words import points

NAMED_PHOTOS = 3


@dataclass(frozen=True)
class Ranked:
    """Mean drop of one architecture or one strategy over all that it was combined with.

    Attributes:
        worst_in: in how many of the ``compared`` combinations it lost the most.
    """

    name: str
    mean: float
    least: float
    most: float
    cells: int
    worst_in: int
    compared: int
    collapsed: int


def rank_strategies(evidence: Sequence[Evidence], sparsity: float) -> list[Ranked]:
    """Strategies at one sparsity, from the largest mean drop to the smallest; controls included."""
    return _rank(evidence, sparsity, lambda c: strategy_title(c.strategy), lambda c: c.network)


def rank_architectures(evidence: Sequence[Evidence], sparsity: float) -> list[Ranked]:
    """Architectures at one sparsity, controls left out."""
    kept = [item for item in evidence if not item.cell.control]
    encoders = {item.cell.encoder for item in kept}

    def name(cell: Cell) -> str:
        title = architecture_title(cell.architecture)
        return title if len(encoders) < 2 else f"{title} / {cell.encoder}"

    return _rank(kept, sparsity, name, lambda c: c.strategy)


def suffering(ranked: Sequence[Ranked], kind: str, sparsity: float) -> str:
    """One sentence: who loses most and least, with the numbers; or why that cannot be said."""
    if len(ranked) < 2:
        return f"Fewer than two {kind} have finished at {100 * sparsity:g} %, so none can be called worse."
    worst, best = ranked[0], ranked[-1]
    gap = worst.mean - best.mean
    if gap < 0.005:
        return (
            f"At {100 * sparsity:g} % the {kind} suffer alike: mean drops lie between "
            f"{points(best.mean)} and {points(worst.mean)}."
        )
    again = (
        f", and it is the worst in {worst.worst_in} of {worst.compared} comparisons"
        if worst.compared > 1
        else ""
    )
    return (
        f"At {100 * sparsity:g} % {worst.name} suffers most: {points(worst.mean)} lost on average "
        f"({_range(worst)}){again}. {best.name} suffers least: {points(best.mean)} ({_range(best)})."
    )


def against_controls(evidence: Iterable[Evidence], control: str) -> str | None:
    """One sentence on a control, or ``None`` where it has not run."""
    compared = [item.against_controls[control] for item in evidence if control in item.against_controls]
    if not compared:
        return None
    title = {"random": "random channels", "slim-scratch": "the same slim network trained from scratch"}[
        control
    ]
    gain = fmean(-comparison.loss.estimate for comparison in compared)
    ahead = sum(comparison.loss.estimate < 0 for comparison in compared)
    surely, surely_not = sum(c.better for c in compared), sum(c.worse for c in compared)
    verdict = (
        f"Against {title}: {points(abs(gain))} {'higher' if gain >= 0 else 'lower'} on average, "
        f"ahead in {ahead} of {len(compared)} models"
    )
    if any(c.proven for c in compared):
        verdict += f" (beyond doubt in {surely}, beyond doubt behind in {surely_not})"
    return f"{verdict}." + (
        " On this evidence the choice of channels is not worth its cost." if gain <= 0 else ""
    )


def no_worse(evidence: Sequence[Evidence]) -> list[str]:
    """One sentence per margin: in how many cells the loss is shown to be smaller, by sparsity."""
    said = []
    for margin in MARGINS:
        counts = []
        for level in sorted({item.cell.sparsity for item in evidence if not item.cell.dense}):
            tested = [
                item.against_dense.no_worse[margin]
                for item in evidence
                if item.cell.sparsity == level
                and not item.cell.control
                and item.against_dense is not None
                and item.against_dense.proven
            ]
            if tested:
                counts.append(f"{sum(tested)} of {len(tested)} models at {100 * level:g} %")
        if counts:
            said.append(f"Shown to lose less than {points(margin)} (95 %, one-sided): {', '.join(counts)}.")
    return said


def deciding_scenes(evidence: Sequence[Evidence]) -> str | None:
    """One sentence on drops that one scene makes for the most part, or ``None`` where there is none."""
    asked = [
        (item.cell, item.against_dense)
        for item in evidence
        if item.against_dense is not None and item.against_dense.proven and not item.cell.control
    ]
    found = [(scene.share, cell, scene) for cell, against in asked if (scene := against.deciding) is not None]
    if not found:
        return None
    cells = [item.cell for item in evidence]
    share, cell, scene = max(found, key=lambda entry: entry[0])
    name = f"photo {scene.scene}"
    if scene.images != (scene.scene,):
        name = f"scene {scene.scene} ({', '.join(scene.images[:NAMED_PHOTOS])}"
        name += f" and {len(scene.images) - NAMED_PHOTOS} more)" if len(scene.images) > NAMED_PHOTOS else ")"
    return (
        f"One scene makes half or more of the drop in {len(found)} of {len(asked)} pruned models. Most in "
        f"{named(cell, cells)}: {points(scene.without + share)}, without {name} {points(scene.without)}. "
        "Look at it: it tells what kind of photo such a network fails on."
    )


def _rank(
    evidence: Iterable[Evidence],
    sparsity: float,
    name: Callable[[Cell], str],
    partner: Callable[[Cell], object],
) -> list[Ranked]:
    drops: dict[str, list[float]] = {}
    rounds: dict[object, dict[str, float]] = {}
    collapsed: dict[str, int] = {}
    for item in evidence:
        cell = item.cell
        if cell.dense or cell.drop is None or cell.sparsity != sparsity:
            continue
        drops.setdefault(name(cell), []).append(cell.drop.estimate)
        rounds.setdefault(partner(cell), {})[name(cell)] = cell.drop.estimate
        collapsed[name(cell)] = collapsed.get(name(cell), 0) + bool(cell.collapsed)
    losers = [max(entries, key=lambda n: entries[n]) for entries in rounds.values() if len(entries) > 1]
    ranked = [
        Ranked(
            name=entry,
            mean=fmean(values),
            least=min(values),
            most=max(values),
            cells=len(values),
            worst_in=losers.count(entry),
            compared=sum(entry in entries and len(entries) > 1 for entries in rounds.values()),
            collapsed=collapsed[entry],
        )
        for entry, values in drops.items()
    ]
    return sorted(ranked, key=lambda r: r.mean, reverse=True)


def _range(ranked: Ranked) -> str:
    if ranked.cells < 2:
        return "one model"
    return f"{100 * ranked.least:.1f} to {100 * ranked.most:.1f} over {ranked.cells} models"
