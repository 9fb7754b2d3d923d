"""Choose one model from a study's results by limits on cost and on loss, and say why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from descale.errors import StudyError
from descale.study.report.cells import COSTS, Cell, by_dataset, make_cells
from descale.study.report.evidence import StudyTrials, gather
from descale.study.report.fronts import COST_TITLES, candidates, compare, floor_warning, known_costs
from descale.study.report.rows import CONTROLS, read_results
from descale.study.report.words import amount, points, span, span_points

TIE = 0.005
"""Models within half a point of IoU count as equal; the cheaper one wins."""


@dataclass(frozen=True)
class Limits:
    """What the device and the inspector can bear.

    Attributes:
        costs: highest value by column (``latency_ms``, ``macs``, ``params``, ``size_bytes``).
        drop: largest loss of IoU against the dense parent, 0..1; ``None`` for no limit.
    """

    costs: Mapping[str, float]
    drop: float | None = None

    def __post_init__(self) -> None:
        unknown = set(self.costs) - set(COSTS)
        if unknown:
            raise StudyError(f"Unknown cost {', '.join(sorted(unknown))}. Choose from {', '.join(COSTS)}.")
        for name, value in self.costs.items():
            if not value > 0:
                raise StudyError(
                    f"A limit of {value:g} on {COST_TITLES[name]} leaves nothing. Give more than 0."
                )
        if self.drop is not None and not 0 <= self.drop < 1:
            raise StudyError(f"A drop of {self.drop:g} is not in 0..1; 2 points of IoU are 0.02.")
        if not self.costs and self.drop is None:
            raise StudyError("Give at least one limit, such as --max-drop 0.02 or --max-latency-ms 50.")


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
    for cost in limits.costs:
        if not any(cell.mean(cost) is not None for cell in usable):
            raise StudyError(_unmeasured(cost, dataset))
    price = _price(usable, limits)
    if price is None:
        raise StudyError(f"{dataset}: no cost is known for all models, so none can be called the cheapest.")
    fitting = [cell for cell in usable if not _violations(cell, limits)]
    if not fitting:
        return Pick(dataset, None, None, tuple(_nearest_miss(cells, usable, limits)))
    ranked = _ranked(_strong(fitting, usable, limits), limits, price)
    chosen = ranked[0]
    runner_up = ranked[1] if len(ranked) > 1 else None
    return Pick(dataset, chosen, runner_up, tuple(_answer(chosen, runner_up, cells, fitting, limits, price)))


def pick_from_study(folder: Path, limits: Limits) -> list[Pick]:
    """One answer per data set of a study's folder, with the intervals that its trials allow.

    Raises:
        StudyError: there is no results.csv, or a limited cost was not measured.
    """
    grouped = by_dataset(make_cells(read_results(folder)))
    trials = StudyTrials(Path(folder))
    return [pick([item.cell for item in gather(cells, trials)], limits) for cells in grouped.values()]


def _price(cells: Sequence[Cell], limits: Limits) -> str | None:
    """The cost that decides ties: the first limited one, otherwise the first that all have."""
    return next((cost for cost in COSTS if cost in limits.costs), next(iter(known_costs(cells)), None))


def _ranked(fitting: Sequence[Cell], limits: Limits, price: str) -> list[Cell]:
    if not limits.costs:
        return sorted(fitting, key=lambda c: (_cost(c, price), -c.iou.estimate))
    left = sorted(fitting, key=lambda c: -c.iou.estimate)
    ranked: list[Cell] = []
    while left:
        equal = [cell for cell in left if left[0].iou.estimate - cell.iou.estimate <= TIE]
        first = min(equal, key=lambda c: (_cost(c, price), -c.iou.estimate))
        ranked.append(first)
        left.remove(first)
    return ranked


def _strong(fitting: Sequence[Cell], usable: Sequence[Cell], limits: Limits) -> Sequence[Cell]:
    """Without a limit on cost, only models near the best: a weak parent makes a small drop worthless."""
    if limits.costs or limits.drop is None:
        return fitting
    best = max(cell.iou.estimate for cell in usable)
    return [cell for cell in fitting if best - cell.iou.estimate <= limits.drop + 1e-9] or fitting


def _cost(cell: Cell, cost: str) -> float:
    value = cell.mean(cost)
    return float("inf") if value is None else value


def _violations(cell: Cell, limits: Limits) -> dict[str, float]:
    """By what factor (costs) or difference (drop) a cell misses each limit; empty if it fits."""
    missed = {}
    for cost, limit in limits.costs.items():
        value = _cost(cell, cost)
        if value > limit:
            missed[cost] = value / limit
    if limits.drop is not None and not cell.dense:
        drop = cell.drop.estimate if cell.drop is not None else float("inf")
        if drop > limits.drop + 1e-9:  # 0.02 in the table may be 0.0200000001 after averaging
            missed["drop"] = drop - limits.drop
    return missed


def _answer(
    chosen: Cell,
    runner_up: Cell | None,
    cells: Sequence[Cell],
    fitting: Sequence[Cell],
    limits: Limits,
    price: str,
) -> list[str]:
    count = f"{len(fitting)} of {len(candidates(cells))} models fit"
    why = (
        f"highest IoU within the limits ({points(TIE)} of IoU count as a tie, which the cheaper model wins)"
        if limits.costs
        else f"least {COST_TITLES[price]} of those within {points(limits.drop or 0.0)} of the best model"
    )
    iou = chosen.iou
    lines = [
        f"Pick: {_name(chosen, cells)}",
        f"Scores: corrosion IoU {span(iou.estimate, iou.low, iou.high)}, {_drop(chosen)}.",
        f"Costs: {_costs(chosen)}.",
        f"Why: {why}; {count}.",
    ]
    if runner_up is None:
        others = "what else fits scores too far below the best" if len(fitting) > 1 else "nothing else fits"
        lines.append(f"Runner-up: none, {others}.")
    else:
        lines.append(f"Runner-up: {_name(runner_up, cells)}: {compare(runner_up, chosen, price)}.")
    lines += _doubts(chosen, cells, limits)
    models = [result.model for result in chosen.results if result.model]
    if models:
        lines.append(f"Models: {', '.join(models)}")
    elif any("folds" in result.numbers for result in chosen.results):
        lines.append("Models: none of its own, the scores are pooled over folds; train one on all photos.")
    return lines


def _doubts(chosen: Cell, cells: Sequence[Cell], limits: Limits) -> list[str]:
    doubts = [warning] if (warning := floor_warning(chosen)) else []
    drop = chosen.drop
    if limits.drop is not None and drop is not None and not chosen.dense:
        if drop.high is None:
            doubts.append("Not tested: there is no interval for the drop.")
        elif drop.high > limits.drop:
            doubts.append(
                f"Not proven: the 95 % interval of the drop reaches {points(drop.high)}, "
                f"above the limit of {points(limits.drop)}."
            )
    if len(chosen.seeds) == 1:
        doubts.append("One seed only: training again may give another score.")
    for control in (cell for cell in cells if cell.strategy in CONTROLS):
        if (
            control.network == chosen.network
            and control.sparsity == chosen.sparsity
            and control.iou.estimate >= chosen.iou.estimate
        ):
            gain = points(control.iou.estimate - chosen.iou.estimate)
            doubts.append(
                f"Note: the control {control.title} scores {gain} more; the pruning earned nothing here."
            )
    return doubts


def _nearest_miss(cells: Sequence[Cell], usable: Sequence[Cell], limits: Limits) -> list[str]:
    lines = ["Nothing fits."]
    if not usable:
        return [*lines, "No finished model is left: all have failed or collapsed."]
    for cost, limit in limits.costs.items():
        least = min(usable, key=lambda c: _cost(c, cost))
        if _cost(least, cost) > limit:
            lines.append(
                f"The least {COST_TITLES[cost]}: {_name(least, cells)} with "
                f"{amount(least.mean(cost), cost)}, the limit is {amount(limit, cost)}."
            )
    if limits.drop is not None:
        kept = [c for c in usable if not set(_violations(c, limits)) - {"drop"} and c.drop is not None]
        if kept:
            nearest = min(kept, key=lambda c: c.drop.estimate if c.drop else 0.0)
            lines.append(f"Nearest within the costs: {_name(nearest, cells)}, {_drop(nearest)}.")
        dropping = [c for c in usable if "drop" not in _violations(c, limits)]
        if dropping and limits.costs:
            price = next(iter(limits.costs))
            nearest = min(dropping, key=lambda c: _cost(c, price))
            lines.append(f"Nearest within the drop: {_name(nearest, cells)}, {_costs(nearest)}.")
    lines.append("Loosen a limit, or train and prune for longer.")
    return lines


def _name(cell: Cell, cells: Sequence[Cell]) -> str:
    several = len({c.encoder for c in cells}) > 1
    return f"{cell.title} ({cell.encoder})" if several else cell.title


def _drop(cell: Cell) -> str:
    if cell.dense:
        return "dense, so no drop"
    if cell.drop is None:
        return "drop unknown"
    text = span_points(cell.drop.estimate, cell.drop.low, cell.drop.high)
    return f"drop from its dense parent {text} points"


def _costs(cell: Cell) -> str:
    return (
        ", ".join(amount(cell.mean(cost), cost) for cost in COSTS if cell.mean(cost) is not None) or "unknown"
    )


def _unmeasured(cost: str, dataset: str) -> str:
    if cost == "latency_ms":
        return (
            f"{dataset}: no latency was measured. Put latency.csv (columns trial, latency_ms), measured on "
            "your device with descale benchmark, beside results.csv, or limit --max-macs instead."
        )
    return f"{dataset}: the table has no {COST_TITLES[cost]}. Limit another cost."
