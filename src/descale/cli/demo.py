"""``descale demo``: the main job on an embedded data set, from nothing to the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(help="Folder of the demo. An existing one is continued.")] = Path(
        "runs/demo"
    ),
    parallel: Annotated[int, typer.Option(help="Processes on this machine.")] = 2,
) -> None:
    """Draw photos of steel, train a U-Net, prune it three ways at two sparsities, and write the report.

    Example: `descale demo --out runs/demo`
    """
    from importlib.resources import as_file, files

    from descale.cli.study import study

    with as_file(files("descale.study") / "demo.yaml") as file:
        study(file=file, out=out, parallel=parallel)
