"""Content hashes of files, remembered while the process lives."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from descale.base.errors import DataError


def content_hash(path: Path) -> bytes:
    """SHA-256 of a file's content; read again only if its size or time of change differs.

    Raises:
        DataError: the file is missing or may not be read.
    """
    try:
        status = path.stat()
        return _hash(str(path), status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error


@lru_cache(maxsize=1_000_000)
def _hash(path: str, _size: int, _changed: int) -> bytes:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()
