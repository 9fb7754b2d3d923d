"""The list of subcommands. Each module defines its own; a new one is one new file and one line here."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Attach every subcommand to ``app``."""
    from descale.cli import benchmark, data, evaluate, export, pick, predict, report, study

    # Each subcommand module imports its heavy parts inside its function, so this stays quick.
    app.command("benchmark")(benchmark.benchmark)
    app.command("evaluate")(evaluate.evaluate)
    app.command("export")(export.export)
    app.command("pick")(pick.pick)
    app.command("predict")(predict.predict)
    app.command("report")(report.report)
    app.command("study")(study.study)
    app.add_typer(data.app, name="data")
