"""Put the page together: one file with its styles, scripts and data in it."""

from __future__ import annotations

import base64
import hashlib
import html
import logging
import re
from importlib.resources import files
from pathlib import Path

from descale.base.errors import ConfigError
from descale.base.files import cannot_write, write_text
from descale.prediction.page.comparison import Earlier, place_of
from descale.prediction.page.data import embedded, page_data
from descale.prediction.results_folder import PAGE_FILE
from descale.prediction.tables.content import TableContent

logger = logging.getLogger(__name__)

SCRIPTS = ("words", "marks", "grid", "viewer", "exports", "start")
"""Parts of the page's script, in order; together they are one function."""
_MADE_BY = (b'<meta name="generator" content="descale predict">', b"<title>Corrosion found: ")
PAGE_HEAD = 1000
"""Bytes of a page within which it says what made it."""
_PLACE = re.compile(r"@@(\w+)@@")


def write_page(
    folder: Path,
    content: TableContent,
    *,
    title: str | None = None,
    earlier: Earlier | None = None,
    positions: bool = False,
) -> Path:
    """Write ``index.html`` below ``folder``, beside the pictures that it shows; returns its path.

    Args:
        folder: of the results.
        content: results and what made them.
        title: of the page; by default the folder's name.
        earlier: results to compare with.
        positions: whether the page tells where photos were taken.

    Raises:
        DescaleError: the folder cannot be written.
    """
    name = folder.resolve().name if title is None else title
    path = folder / PAGE_FILE
    way = None if earlier is None else place_of(earlier, folder)
    write_text(path, render(content, name, earlier=earlier, way=way, positions=positions))
    return path


def require_own_page(folder: Path) -> None:
    """Refuse to write over a page of something else.

    Raises:
        ConfigError: there is one.
    """
    path = folder / PAGE_FILE
    if path.exists():
        require_made_here(_head(path), path)


def require_made_here(head: bytes, path: Path | str) -> None:
    """The same, by the first :data:`PAGE_HEAD` bytes of a page wherever it lies.

    Raises:
        ConfigError: it is of something else.
    """
    if not _made_here(head):
        raise ConfigError(
            f"{path} is not of a run of descale predict and would be overwritten. Give another folder "
            "(--out), or write no page (--page-size 0)."
        )


def _made_here(head: bytes) -> bool:
    return any(mark in head for mark in _MADE_BY)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(PAGE_HEAD)
    except OSError:
        return b""


def remove_page(folder: Path) -> None:
    """Remove the page of an earlier run, which would tell of other photos than the tables beside it.

    Raises:
        DescaleError: it cannot be removed.
    """
    path = folder / PAGE_FILE
    if not _made_here(_head(path)):
        return
    try:
        path.unlink()
    except OSError as error:
        raise cannot_write(path, error) from error
    logger.info("%s: removed, it was of an earlier run", path)


def render(
    content: TableContent,
    title: str,
    *,
    earlier: Earlier | None = None,
    way: str | None = None,
    positions: bool = False,
) -> str:
    """The page as text; no script but its own runs in it. Args as of :func:`page_data`."""
    style = _part("page.css")
    bodies = "\n".join(_part(f"scripts/{name}.js") for name in SCRIPTS)
    script = f'(function () {{\n"use strict";\n{bodies}\n}})();'
    parts = {
        "TITLE": html.escape(_printable(title)),
        "STYLE": style,
        "SCRIPT": script,
        "STYLE_SUM": _sum(style),
        "SCRIPT_SUM": _sum(script),
        "DATA": embedded(page_data(content, title, earlier=earlier, way=way, positions=positions)),
    }
    return _PLACE.sub(lambda place: parts[place[1]], _part("page.html"))


def _part(name: str) -> str:
    return files("descale.prediction.page").joinpath(*name.split("/")).read_text(encoding="utf-8")


def _sum(text: str) -> str:
    """As a content security policy names what it allows."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _printable(text: str) -> str:
    """Bytes of a file name that are no UTF-8 as a question mark."""
    return text.encode(errors="replace").decode()
