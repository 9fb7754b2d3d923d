"""``descale report``: one page, and tables in Markdown and LaTeX, from a study's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a study (the --out of descale study).")],
) -> None:
    """Write report.html, report.md and report.tex into a study's folder, finished or not.

    The page is one file that opens offline: what to pick and why, then the evidence.

    Example: `descale report runs/rust-photos`
    """
    from rich.console import Console

    from descale.report.write import write_report

    with Console(stderr=True).status("reading results and drawing"):
        page = write_report(folder)
    typer.echo(str(page))
