"""``descale study``: run the trials of a study file, in restarts and in several processes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from descale.study.run import Study

SHOWN_ROWS = 60


def study(
    file: Annotated[Path, typer.Argument(help="Study file (YAML). Examples are in the folder experiments/.")],
    out: Annotated[Path, typer.Option(help="Folder of the study. An existing one is continued.")],
    parallel: Annotated[int, typer.Option(help="Processes on this machine.")] = 1,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Threads of each process; default: the study file's, else cores divided by processes.",
            min=1,
        ),
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="Run the trials on this Ray cluster (HOST:PORT, auto or local).")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="With --ray: URL for the trials (s3://..., gs://...) if --out is not shared."),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Stop between two epochs before so many minutes are over, to be continued.", min=0),
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", help="List the trials and where each stands.")] = False,
    report: Annotated[bool, typer.Option(help="Write report.html when the trials are done.")] = True,
) -> None:
    """Train, prune and compare everything that a study file asks for.

    What is done is never done again: interrupt it as you like and run the same command to continue, also on
    another machine to which the folder was moved. With --minutes, status 4 says that trials are left.

    Example: `descale study experiments/rust-photos-160/study.yaml --out runs/rust-photos-160`
    """
    from descale.base.errors import ConfigError, PartialFailure, TimeIsUp
    from descale.study.config import load_study
    from descale.study.execute import TorchRunner
    from descale.study.run import asked_threads, open_study, run_study
    from descale.training.deadline import Deadline
    from descale.training.devices import check_study_devices

    deadline = Deadline(None if minutes is None else time.time() + 60 * minutes)

    if store is not None and ray is None:
        raise ConfigError("--store is for --ray; without it the trials are kept in --out.")
    if minutes is not None and ray is not None:
        raise ConfigError("--minutes is for this machine; leave it out with --ray.")
    if parallel > 1 and ray is not None:
        raise ConfigError("--parallel is for this machine; a cluster runs what it has room for.")
    config = load_study(file)
    if ray is None and not list_only:  # a cluster has devices of its own
        check_study_devices(config.devices, file)
    alone = ray is None and parallel == 1  # the bars of several processes would overwrite each other
    progress = config.devices.progress and alone
    runner = TorchRunner(config.devices.model_copy(update={"progress": progress, "stop_at": deadline.at}))
    opened = open_study(file, out, runner)
    if list_only:
        _list(opened)
        return
    failure: PartialFailure | None = None
    try:
        if ray is not None:
            from descale.cluster.ray_cluster import run_on_ray

            gpus = 1 if opened.config.devices.accelerator == "cuda" else 0
            run_on_ray(
                opened,
                runner,
                address=ray,
                store=store,
                threads=asked_threads(opened, threads) or 1,
                gpus=gpus,
            )
        else:
            run_study(opened, runner, parallel=parallel, threads=threads, deadline=deadline)
    except PartialFailure as error:
        failure = error
    _show(opened)
    typer.echo(f"results: {out / 'results.csv'}")
    nothing_yet = isinstance(failure, TimeIsUp) and not any(row["status"] == "ok" for _, row in opened.rows())
    if report and not nothing_yet:
        typer.echo(f"report:  {_write_report(out)}")
    if failure is not None:
        raise failure


def _write_report(out: Path) -> Path:
    from descale.report.write import write_report

    return write_report(out)


def _list(opened: Study) -> None:
    from rich.markup import escape

    from descale.cli.console import marked_console

    console = marked_console(soft_wrap=True, highlight=False)
    status = {trial.id: str(row["status"]) for trial, row in opened.rows()}
    for trial in opened.trials:
        console.print(f"{trial.id}  {escape(trial.title)}  {escape(status.get(trial.id, 'to do'))}")
    done = sum(value == "ok" for value in status.values())
    console.print(f"{done} of {len(opened.trials)} done, {len(status) - done} failed")


def _show(opened: Study) -> None:
    from descale.cli.console import marked_console
    from descale.cli.study_table import study_table

    rows = [row for trial, row in opened.rows() if trial.fold is None and row["status"] == "ok"]
    console = marked_console(highlight=False)
    console.print(study_table(opened.config.name, rows[:SHOWN_ROWS]))
    if len(rows) > SHOWN_ROWS:
        console.print(f"... and {len(rows) - SHOWN_ROWS} more rows in results.csv")
