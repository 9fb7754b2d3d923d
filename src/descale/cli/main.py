"""Entry point of the command line: subcommands, error messages, exit statuses."""

from __future__ import annotations

import io
import logging
import sys

import typer

from descale import __version__
from descale.base.errors import DescaleError
from descale.cli.console import marked_console

INTERRUPTED = 130
ERRORS = marked_console(stderr=True, soft_wrap=True, highlight=False)

app = typer.Typer(
    name="descale",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Corrosion-segmentation networks made small enough for the edge.",
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"descale {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True),
) -> None:
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.INFO, format="%(message)s", stream=sys.stderr
    )


def main() -> None:
    """Run the command line; a user's error becomes one message and a non-zero status."""
    from descale.cli import commands

    if isinstance(sys.stdout, io.TextIOWrapper):  # file names need not be UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    commands.register(app)
    debug = "--debug" in sys.argv
    if debug:  # accepted before and after the subcommand
        sys.argv = [sys.argv[0], "--debug", *(a for a in sys.argv[1:] if a != "--debug")]
    try:
        app(standalone_mode=True)
    except DescaleError as error:
        if debug:
            raise
        ERRORS.print(f"[bold red]error:[/] {_escape(str(error))}")
        sys.exit(error.exit_status)
    except ModuleNotFoundError as error:
        if debug or (error.name or "").startswith("descale"):
            raise
        ERRORS.print(
            f"[bold red]error:[/] this command needs the package '{error.name}'. "
            "Install it with: pip install 'descale\\[train]'"
        )
        sys.exit(1)
    except OSError as error:
        if debug:
            raise
        from descale.base.files import remedy_for, unwritable

        where = f" ({error.filename})" if error.filename else ""
        remedy = f" {remedy_for(error)}" if unwritable(error) else ""
        ERRORS.print(f"[bold red]error:[/] {_escape(f'{error.strerror or error}{where}')}.{remedy}")
        sys.exit(1)
    except (KeyboardInterrupt, SystemExit) as error:
        if not _came_from_ctrl_c(error):
            raise
        ERRORS.print("interrupted; run the same command again to continue")
        sys.exit(INTERRUPTED)


def _came_from_ctrl_c(error: BaseException | None) -> bool:
    """Typer turns an interrupt into an exit of its own, with various statuses."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
