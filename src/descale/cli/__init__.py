"""The ``descale`` command: one module per subcommand, nothing heavy imported before it is needed."""

from descale.cli.main import app, main

__all__ = ["app", "main"]
