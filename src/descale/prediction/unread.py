"""Pictures of kinds that are not read: told and counted, so that nobody takes them for clean steel."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import PurePath
from typing import TypeVar

from descale.base.photo import PHOTO_SUFFIXES

logger = logging.getLogger(__name__)

UNREAD_SUFFIXES = frozenset(
    {
        ".heic", ".heif", ".hif", ".avif", ".gif", ".jp2", ".j2k", ".jpf", ".jxl", ".jxr", ".mpo", ".psd",
        ".3fr", ".arw", ".cr2", ".cr3", ".dng", ".iiq", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw",
        ".rw2", ".rwl", ".srw", ".x3f",
    }
)  # fmt: skip
"""File name endings (lower case) of telephones' and cameras' own formats and others that are not read."""

AnyPath = TypeVar("AnyPath", bound=PurePath)


def pictures_not_read(paths: Collection[AnyPath]) -> list[AnyPath]:
    """Those of a kind that is not read, unless the same picture lies beside it as one that is.

    >>> from pathlib import PurePosixPath as P
    >>> pictures_not_read([P("a.heic"), P("b.DNG"), P("b.jpg"), P("notes.txt")])
    [PurePosixPath('a.heic')]
    """
    read = {path.with_suffix("") for path in paths if path.suffix.lower() in PHOTO_SUFFIXES}
    return [
        path for path in paths if path.suffix.lower() in UNREAD_SUFFIXES and path.with_suffix("") not in read
    ]


def tell_unread(place: str, paths: Sequence[PurePath]) -> list[tuple[str, str]]:
    """Log how many there are in ``place``; return (photo, reason) of each, as of other skipped ones."""
    if paths:
        logger.warning(
            "%d files in %s are of no kind that is read (%s) and count as skipped; convert them to JPEG",
            len(paths), place, count_kinds(paths),
        )  # fmt: skip
    return [(str(path), f"{path}: {path.suffix} is not read. Convert it to JPEG.") for path in paths]


def count_kinds(paths: Sequence[PurePath]) -> str:
    """Their endings with the number of each, commonest first.

    >>> count_kinds([PurePath("a.gif"), PurePath("a.HEIC"), PurePath("b.heic")])
    '.heic 2, .gif 1'
    """
    counts = Counter(path.suffix.lower() for path in paths)
    return ", ".join(f"{kind} {number}" for kind, number in counts.most_common())
