"""The list of subcommands. Each module defines its own; a new one is one new file and one line here."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Attach every subcommand to ``app``; once is enough."""
    if app.registered_commands:
        return
    from descale.cli import (
        benchmark,
        compress,
        data,
        demo,
        evaluate,
        export,
        pick,
        plan,
        predict,
        prune,
        report,
        study,
        train,
    )

    # Each subcommand module imports its heavy parts inside its function, so this stays quick.
    app.command("benchmark")(benchmark.benchmark)
    app.command("compress")(compress.compress)
    app.command("demo")(demo.demo)
    app.command("evaluate")(evaluate.evaluate)
    app.command("export")(export.export)
    app.command("pick")(pick.pick)
    app.command("plan")(plan.plan)
    app.command("predict")(predict.predict)
    app.command("prune")(prune.prune)
    app.command("report")(report.report)
    app.command("study")(study.study)
    app.command("train")(train.train)
    app.add_typer(data.app, name="data")
