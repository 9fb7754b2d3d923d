"""``descale predict`` in this process, and the table that it writes."""

from __future__ import annotations

import csv
from pathlib import Path


def predict(*arguments: object) -> None:
    """Run ``descale predict`` in this process."""
    import typer
    from typer.testing import CliRunner

    from descale.cli.predict import predict as command

    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output


def rows(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((out / "predictions.csv").read_text().splitlines()))
