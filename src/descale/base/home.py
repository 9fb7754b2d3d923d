"""Paths as a person writes them: with ``~`` for a home folder, or by mistake none at all."""

from __future__ import annotations

from pathlib import Path

from descale.base.errors import DataError


def expanded(path: str | Path) -> Path:
    """The path with ``~`` and ``~user`` in front replaced by the home folder.

    Raises:
        DataError: there is no such user here, no home folder is known, or the path is empty.

    >>> expanded("photos/~a")
    PosixPath('photos/~a')
    """
    refuse_empty(path)
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        name = Path(path).parts[0]
        raise DataError(
            f"{path}: the home folder that '{name}' stands for is not known here. Write the whole path, or "
            f"./{name} if a folder is called so."
        ) from error


def refuse_empty(path: str | Path) -> None:
    """An empty text means the current folder to the system, and nothing to a person.

    Raises:
        DataError: the path is empty.
    """
    if path == "":
        raise DataError(
            "'' names no file or folder (a variable of the shell that is not set?). Write a path."
        )
