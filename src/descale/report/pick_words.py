"""The choice of a model in words: its scores and costs, why, what comes next, and what is in doubt."""

from __future__ import annotations

from collections.abc import Sequence

from descale.base.columns import COLUMNS, COSTS
from descale.report.cells import Cell, named
from descale.report.fronts import candidates, compare, floor_warning
from descale.report.limits import TIE, Limits, cost_of, violations
from descale.report.looks import CONTROLS
from descale.report.words import amount, points, span, span_points


def answer(
    chosen: Cell,
    runner_up: Cell | None,
    cells: Sequence[Cell],
    fitting: Sequence[Cell],
    limits: Limits,
    price: str,
    *,
    near_best: bool,
) -> list[str]:
    """One sentence a line: the pick, its scores and costs, the reason, the runner-up, the doubts, the models.

    Args:
        chosen: the best of ``fitting``.
        runner_up: the next, if there is one.
        cells: all of the data set.
        fitting: those within the limits.
        limits: of cost and drop.
        price: the cost that decides ties.
        near_best: whether it is within the limit of the drop of the best model too, not of its parent alone.
    """
    count = f"{len(fitting)} of {len(candidates(cells))} models fit"
    why = (
        f"highest IoU within the limits ({points(TIE)} of IoU count as a tie, which the cheaper model wins)"
        if limits.costs
        else f"least {COLUMNS[price].title} of those within {points(limits.drop or 0.0)} of the best model"
    )
    if not near_best:
        best = max(candidates(cells), key=lambda cell: cell.iou.estimate)
        why = (
            f"least {COLUMNS[price].title} of those within {points(limits.drop or 0.0)} of their own dense "
            f"network; it is {points(best.iou.estimate - chosen.iou.estimate)} below {named(best, cells)}, "
            "the best model, and none that fits is near that"
        )
    iou = chosen.iou
    lines = [
        f"Pick: {named(chosen, cells)}",
        f"Scores: corrosion IoU {span(iou.estimate, iou.low, iou.high)}, {_drop(chosen)}.",
        f"Costs: {_costs(chosen)}.",
        f"Why: {why}; {count}.",
    ]
    if runner_up is None:
        others = "what else fits scores too far below the best" if len(fitting) > 1 else "nothing else fits"
        lines.append(f"Runner-up: none, {others}.")
    else:
        lines.append(f"Runner-up: {named(runner_up, cells)}: {compare(runner_up, chosen, price)}.")
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
    if len(candidates(cells)) > 1:
        doubts.append("Chosen by the test scores, so its score is somewhat too high: new photos tell.")
    for control in (cell for cell in cells if cell.strategy in CONTROLS):
        if (
            control.network == chosen.network
            and control.sparsity == chosen.sparsity
            and control.iou.estimate >= chosen.iou.estimate
        ):
            gain = points(control.iou.estimate - chosen.iou.estimate)
            doubts.append(
                f"Note: the control {named(control, cells)} scores {gain} more; "
                "the pruning earned nothing here."
            )
    return doubts


def nearest_miss(cells: Sequence[Cell], usable: Sequence[Cell], limits: Limits) -> list[str]:
    """What comes nearest to each limit, if no model is within all."""
    lines = ["Nothing fits."]
    if not usable:
        return [*lines, "No finished model is left: all have failed or collapsed."]
    for cost, limit in limits.costs.items():
        least = min(usable, key=lambda c: cost_of(c, cost))
        if cost_of(least, cost) > limit:
            lines.append(
                f"The least {COLUMNS[cost].title}: {named(least, cells)} with "
                f"{amount(least.mean(cost), cost)}, the limit is {amount(limit, cost)}."
            )
    if limits.drop is not None:
        kept = [c for c in usable if not set(violations(c, limits)) - {"drop"} and c.drop is not None]
        if kept:
            nearest = min(kept, key=lambda c: c.drop.estimate if c.drop else 0.0)
            lines.append(f"Nearest within the costs: {named(nearest, cells)}, {_drop(nearest)}.")
        dropping = [c for c in usable if "drop" not in violations(c, limits)]
        if dropping and limits.costs:
            price = next(iter(limits.costs))
            nearest = min(dropping, key=lambda c: cost_of(c, price))
            lines.append(f"Nearest within the drop: {named(nearest, cells)}, {_costs(nearest)}.")
    lines.append("Loosen a limit, or train and prune for longer.")
    return lines


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


def unmeasured(cost: str, dataset: str) -> str:
    """Why a limit on a cost that no model has a figure for cannot be answered, and what to do."""
    if cost == "latency_ms":
        return (
            f"{dataset}: no latency was measured. Put latency.csv (columns trial, latency_ms), measured on "
            "your device with descale benchmark, beside results.csv, or limit --max-macs instead."
        )
    return f"{dataset}: the table has no {COLUMNS[cost].title}. Limit another cost."
