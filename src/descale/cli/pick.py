"""``descale pick``: which model for these limits?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def pick(
    folder: Annotated[Path, typer.Argument(help="Folder of a study, with results.csv.")],
    max_latency_ms: Annotated[
        float | None, typer.Option(help="Highest measured latency, in milliseconds.")
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(help="Largest loss of corrosion IoU against the dense parent: 0.02 is 2 points."),
    ] = None,
    max_macs: Annotated[float | None, typer.Option(help="Most multiply-accumulates, such as 5e7.")] = None,
    max_params: Annotated[float | None, typer.Option(help="Most parameters.")] = None,
    max_bytes: Annotated[float | None, typer.Option(help="Most bytes of saved weights.")] = None,
) -> None:
    """Choose a model from a study by limits on cost and loss; exit status 1 if none fits.

    Within the limits the highest IoU wins; with no limit but --max-drop, the cheapest.

    Example: `descale pick runs/rust-photos --max-latency-ms 50 --max-drop 0.02`
    """
    from descale.base.errors import StudyError
    from descale.report.limits import Limits
    from descale.report.pick import pick_from_study

    given = {"latency_ms": max_latency_ms, "macs": max_macs, "params": max_params, "size_bytes": max_bytes}
    limits = Limits({name: value for name, value in given.items() if value is not None}, max_drop)
    picks = pick_from_study(folder, limits)
    for answer in picks:
        if len(picks) > 1:
            typer.echo(f"Data set {answer.dataset}")
        for line in answer.lines:
            typer.echo(line)
    if not picks:
        raise StudyError(f"No trial of {folder} has finished. Run descale study again.")
    if any(answer.chosen is None for answer in picks):
        raise typer.Exit(1)
