"""Paths that a person wrote with ``~`` for a home folder."""

from __future__ import annotations

from pathlib import Path

from descale.base.errors import DataError


def expanded(path: str | Path) -> Path:
    """The path with ``~`` and ``~user`` in front replaced by the home folder.

    Raises:
        DataError: there is no such user here, or no home folder is known.

    >>> expanded("photos/~a")
    PosixPath('photos/~a')
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        name = Path(path).parts[0]
        raise DataError(
            f"{path}: the home folder that '{name}' stands for is not known here. Write the whole path, or "
            f"./{name} if a folder is called so."
        ) from error
