"""The terminal as commands write to it: names of files, sets and classes as they are, brackets included."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def marked_console(*, stderr: bool = False, soft_wrap: bool = False, highlight: bool = True) -> Console:
    """A console for text with markup, in which names are escaped; ``:fire:`` in a name stays as it is."""
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=soft_wrap, highlight=highlight, emoji=False)


def plain_console(*, stderr: bool = False, width: int | None = None) -> Console:
    """A console that takes no text for markup; lines are broken by the terminal, tables fit into it."""
    from rich.console import Console

    return Console(
        stderr=stderr, width=width, soft_wrap=width is None, markup=False, emoji=False, highlight=False
    )
