"""``descale data check`` and ``descale data synthesize``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Check a data set, or make a synthetic one.")


@app.command()
def synthesize(
    out: Annotated[Path, typer.Argument(help="Folder to write.", show_default=False)],
    count: Annotated[int, typer.Option(help="Number of photos.")] = 300,
    classes: Annotated[int, typer.Option(help="2: corrosion or not. 4: good, fair, poor, severe.")] = 2,
    seed: Annotated[int, typer.Option(help="Other seeds give other photos.")] = 0,
    size: Annotated[int, typer.Option(help="Height and width in pixels.")] = 128,
) -> None:
    """Write labelled photos of steel that exists nowhere: corrosion, and things that only look like it.

    Example: descale data synthesize /tmp/steel --count 300 --classes 4 --seed 7
    """
    from rich.console import Console
    from rich.progress import Progress

    from descale.cli.console import plain_console
    from descale.synthesize import synthesize as write

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("drawing", total=count)
        write(
            out, count=count, classes=classes, seed=seed, size=(size, size),
            progress=lambda done: bar.update(task, completed=done),
        )  # fmt: skip
    plain_console(stderr=True).print(f"{count} photos in {out}")


@app.command()
def check(
    source: Annotated[
        str,
        typer.Argument(
            help="Folder, description (.yaml) or preset (nea:DIR, sscs:DIR, sscs-colour:DIR).",
            show_default=False,
        ),
    ],
    json: Annotated[Path | None, typer.Option(help="Write the whole report to this file.")] = None,
) -> None:
    """Report what a data set holds and what is wrong with it; exit status 1 if results would be false.

    Example: descale data check photos/ --json check.json
    """
    from rich.console import Console
    from rich.progress import Progress

    from descale.base.files import write_json
    from descale.cli.console import marked_console
    from descale.data.check import check_dataset
    from descale.data.check.table import show

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        report = check_dataset(
            source, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    show(report, marked_console(soft_wrap=True))
    if json is not None:
        write_json(json, report.to_json())
    if report.falsifying:
        raise typer.Exit(1)
