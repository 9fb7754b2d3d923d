"""Choose one model from a study's results by limits on cost and on loss, and say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from descale.base.columns import COSTS
from descale.base.errors import StudyError
from descale.report.cells import Cell, by_dataset, make_cells
from descale.report.evidence import StudyTrials, gather
from descale.report.fronts import candidates, known_costs
from descale.report.limits import ROUNDING, TIE, Limits, cost_of, violations
from descale.report.pick_words import answer, nearest_miss, unmeasured
from descale.report.rows import read_results, require_scores


@dataclass(frozen=True)
class Pick:
    """The answer for one data set.

    Attributes:
        chosen: ``None`` when nothing fits.
        lines: the answer in words, one sentence each.
    """

    dataset: str
    chosen: Cell | None
    runner_up: Cell | None
    lines: tuple[str, ...]


def pick(cells: Sequence[Cell], limits: Limits) -> Pick:
    """Choose among the cells of one data set.

    Collapsed models and controls are never chosen. Among what fits the limits, the highest IoU wins if a
    cost is limited (within half a point the cheaper one); if only the drop is limited, the cheapest wins.

    Raises:
        StudyError: a limited cost was not measured for any model.
    """
    dataset = cells[0].dataset
    usable = candidates(cells)
    if not usable:
        return Pick(dataset, None, None, tuple(nearest_miss(cells, usable, limits)))
    for cost in limits.costs:
        if not any(cell.mean(cost) is not None for cell in usable):
            raise StudyError(unmeasured(cost, dataset))
    price = _price(usable, limits)
    if price is None:
        raise StudyError(f"{dataset}: no cost is known for all models, so none can be called the cheapest.")
    fitting = [cell for cell in usable if not violations(cell, limits)]
    if not fitting:
        return Pick(dataset, None, None, tuple(nearest_miss(cells, usable, limits)))
    strong = _strong(fitting, usable, limits)
    ranked = _ranked(strong or fitting, limits, price)
    chosen = ranked[0]
    runner_up = ranked[1] if len(ranked) > 1 else None
    return Pick(
        dataset,
        chosen,
        runner_up,
        tuple(answer(chosen, runner_up, cells, fitting, limits, price, near_best=bool(strong))),
    )


def pick_from_study(folder: Path, limits: Limits) -> list[Pick]:
    """One answer per data set of a study's folder, with the intervals that its trials allow.

    Raises:
        StudyError: there is no results.csv, no trial in it has a score, or a limited cost was not measured.
    """
    results = read_results(folder)
    require_scores(results, folder)
    grouped = by_dataset(make_cells(results))
    trials = StudyTrials(Path(folder))
    return [pick([item.cell for item in gather(cells, trials)], limits) for cells in grouped.values()]


def _price(cells: Sequence[Cell], limits: Limits) -> str | None:
    """The cost that decides ties: the first limited one, otherwise the first that all have."""
    return next((cost for cost in COSTS if cost in limits.costs), next(iter(known_costs(cells)), None))


def _ranked(fitting: Sequence[Cell], limits: Limits, price: str) -> list[Cell]:
    if not limits.costs:
        return sorted(fitting, key=lambda c: (cost_of(c, price), -c.iou.estimate))
    left = sorted(fitting, key=lambda c: -c.iou.estimate)
    ranked: list[Cell] = []
    while left:
        equal = [cell for cell in left if left[0].iou.estimate - cell.iou.estimate <= TIE + ROUNDING]
        first = min(equal, key=lambda c: (cost_of(c, price), -c.iou.estimate))
        ranked.append(first)
        left.remove(first)
    return ranked


def _strong(fitting: Sequence[Cell], usable: Sequence[Cell], limits: Limits) -> Sequence[Cell]:
    """Without a limit on cost, only models near the best: a weak parent makes a small drop worthless."""
    if limits.costs or limits.drop is None:
        return fitting
    best = max(cell.iou.estimate for cell in usable)
    return [cell for cell in fitting if best - cell.iou.estimate <= limits.drop + ROUNDING]
