"""What a reader must know before believing the rest of the page."""

from __future__ import annotations

from collections.abc import Sequence

from descale.evaluation.clusters import scene_count
from descale.report.cells import Cell, by_dataset, named
from descale.report.evidence import Evidence
from descale.report.fronts import candidates
from descale.report.looks import CONTROLS, strategy_title
from descale.report.rows import Result
from descale.report.words import joined

FEW_SCENES = 20
FEW_SEEDS = 5


def cautions(
    results: Sequence[Result], evidence: Sequence[Evidence], expected: int | None, *, own_latency: bool
) -> list[str]:
    """Sentences of warning, empty when there is nothing to warn of.

    Args:
        results: all rows of the table.
        evidence: every configuration of every data set.
        expected: how many trials the study has; ``None`` if that is not known.
        own_latency: latencies are those that each trial measured, not those of a latency.csv.
    """
    cells = [item.cell for item in evidence]
    return [
        *_unfinished(results, expected),
        *_seeds(cells),
        *_scenes(evidence),
        *_collapsed(cells),
        *_missing(cells),
        *_chosen(cells),
        *_partly_timed(cells),
        *_mixed([result for result in results if result.finished], own_latency),
    ]


def _unfinished(results: Sequence[Result], expected: int | None) -> list[str]:
    found = []
    undefined = [result for result in results if result.undefined]
    failed = [result for result in results if not result.finished and not result.undefined]
    if failed:
        found.append(
            f"{len(failed)} of {len(results)} trials in the table have failed; they are listed below."
        )
    if undefined:
        found.append(
            f"{len(undefined)} of {len(results)} trials have no score, as the test split of "
            f"{joined(list(dict.fromkeys(result.dataset for result in undefined)))} shows no corrosion."
        )
    if expected is not None and expected > len(results):
        found.append(f"{expected - len(results)} of {expected} trials have not run yet.")
    return found


def _seeds(cells: Sequence[Cell]) -> list[str]:
    single = [cell for cell in cells if len(cell.seeds) < 2]
    if single and len(single) == len(cells):
        return ["Every configuration ran with one seed: intervals cover the photos, not luck in training."]
    found = []
    if single:
        found.append(f"{len(single)} of {len(cells)} configurations ran with one seed only.")
    few = [len(cell.seeds) for cell in cells if 2 <= len(cell.seeds) <= FEW_SEEDS]
    if few:
        seeds = f"{min(few)}" if min(few) == max(few) else f"{min(few)} to {max(few)}"
        found.append(
            f"{len(few)} of {len(cells)} configurations ran with {seeds} seeds: intervals over so few are "
            "too narrow, and a small loss counts as shown too often."
        )
    return found


def _scenes(evidence: Sequence[Evidence]) -> list[str]:
    """On intervals from few scenes, once per data set, or from nothing at all."""
    splits = {item.cell.dataset: item.confusions for item in evidence if item.confusions is not None}
    if not splits and not any(item.cell.iou.known for item in evidence):
        return ["The table has no intervals and there are no per-image scores to compute them from."]
    several = len({item.cell.dataset for item in evidence}) > 1
    found = []
    for dataset, confusions in splits.items():
        split = f"The test split of {dataset}" if several else "The test split"
        scenes = scene_count(confusions)
        unit = "photo" if scenes == len(confusions) else "scene"
        if scenes < 2:
            found.append(f"{split} is one {unit}: there are no intervals, and no difference can be shown.")
        elif scenes < FEW_SCENES:
            found.append(f"{split} has {scenes} {unit}s: intervals from so few are too narrow.")
    return found


def _collapsed(cells: Sequence[Cell]) -> list[str]:
    collapsed = [cell for cell in cells if cell.collapsed]
    if not collapsed:
        return []
    names = joined([named(cell, cells) for cell in collapsed[:4]])
    names += " and others" if len(collapsed) > 4 else ""
    count = len(collapsed)
    return [f"{count} configuration{'s' if count > 1 else ''} collapsed and cannot be picked: {names}."]


def _partly_timed(cells: Sequence[Cell]) -> list[str]:
    """A cost decides only where every model that may be chosen has it."""
    found = []
    grouped = by_dataset(cells)
    for dataset, members in grouped.items():
        usable = candidates(members)
        timed = sum(cell.mean("latency_ms") is not None for cell in usable)
        if 0 < timed < len(usable):
            of = f" of {dataset}" if len(grouped) > 1 else ""
            found.append(
                f"Latency is known for {timed} of {len(usable)} configurations{of} that can be picked, so it "
                "decides nothing: another cost does. Measure the others in the same way."
            )
    return found


def _chosen(cells: Sequence[Cell]) -> list[str]:
    """On choosing by the scores that are shown: the best of many owes some of its lead to luck."""
    if all(len(candidates(members)) < 2 for members in by_dataset(cells).values()):
        return []
    return [
        "The models are chosen by their test scores, so the score of a chosen one is somewhat too high. "
        "New photos tell."
    ]


def _missing(cells: Sequence[Cell]) -> list[str]:
    """Controls that did not run, and parents that are not there."""
    found = []
    missing = [name for name in CONTROLS if not any(cell.strategy == name for cell in cells)]
    if missing and any(not cell.dense for cell in cells):
        found.append(f"No control ran for: {joined([strategy_title(name) for name in missing])}.")
    undefined = [cell for cell in cells if not cell.dense and cell.drop is None]
    if undefined:
        found.append(
            f"{len(undefined)} configurations have no dense parent in the table, so no drop is known."
        )
    return found


def _mixed(finished: Sequence[Result], own_latency: bool) -> list[str]:
    """On trials of one data set that ran in different ways, and are compared all the same."""
    found = []
    timed = [result for result in finished if own_latency and "latency_ms" in result.numbers]
    if threads := _different(timed, "threads"):
        found.append(
            f"Latencies were measured with {joined(threads)} threads and cannot be compared. Measure them "
            "alike with descale benchmark, and put latency.csv beside the results."
        )
    kinds = [_different(finished, column) for column in ("device", "precision")]
    if any(kinds):
        found.append(
            f"Trials were trained on {' and '.join(joined(kind) for kind in kinds if kind)}: part of a "
            "difference may be that of the arithmetic."
        )
    if versions := _different(finished, "torch"):
        found.append(
            f"Trials ran with torch {joined(versions)}: part of a difference may be that of the versions."
        )
    return found


def _different(results: Sequence[Result], column: str) -> list[str]:
    """Values of a column, in order of appearance, in data sets that have more than one; empty if none has."""
    by_dataset: dict[str, dict[str, None]] = {}
    for result in results:
        if value := result.texts.get(column):
            by_dataset.setdefault(result.dataset, {})[value] = None
    return list(dict.fromkeys(v for values in by_dataset.values() if len(values) > 1 for v in values))
