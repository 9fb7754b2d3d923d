"""Write files so that a reader never sees half of one: temporary name first, then rename."""

from __future__ import annotations

import codecs
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from descale.base.errors import DescaleError

_NAME_KEPT = 40
"""Characters of a name in that of its temporaries; what sweeps up after a killed process goes by them."""


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` if the block succeeds.

    Whatever stood at ``path`` stays untouched when the block raises.

    Raises:
        DescaleError: the disk is full or the folder cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path), suffix=".part")
    except OSError as error:
        raise cannot_write(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except OSError as error:
        if unwritable(error):
            raise cannot_write(path, error) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; move it to ``path`` if the block succeeds.

    A folder that already stood there is replaced as a whole, never merged.

    Raises:
        DescaleError: the disk is full or the parent folder cannot be written.
    """
    path = Path(path)
    if path.name in ("", ".."):  # "." lies beside nothing under this name
        path = Path(os.path.abspath(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path), suffix=".part"))
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            _replace_folder(path, temporary)
        else:
            os.replace(temporary, path)
    except OSError as error:
        if unwritable(error):
            raise cannot_write(path, error) from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace_folder(path: Path, temporary: Path) -> None:
    # the folder that one is in, and where a disk is mounted, cannot be renamed
    if path.is_dir() and not any(path.iterdir()):
        for part in temporary.iterdir():
            os.replace(part, path / part.name)
        return
    previous = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path), suffix=".old"))
    try:
        os.replace(path, previous / "content")
        try:
            os.replace(temporary, path)
        except OSError:
            os.replace(previous / "content", path)
            raise
    finally:
        shutil.rmtree(previous, ignore_errors=True)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder; a link in a ring is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def first_other_file(folder: Path, own: Collection[str]) -> str | None:
    """First file below ``folder`` that is not one of ``own`` (relative, with ``/``), or ``None``.

    To be asked before a folder is replaced as a whole.
    """
    names = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if not path.is_dir())
    return next((name for name in names if name not in own), None)


def make_folder(path: Path) -> None:
    """Make a folder for output, and those above it; one that is there already is fine.

    Raises:
        DescaleError: a file stands there, or the place cannot be written.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise DescaleError(f"{path} is a file. Choose another output folder.") from error
    except OSError as error:
        raise cannot_write(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; bytes of file names that are no UTF-8 become ``\\udcXX``."""
    with replacing_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, indented, keys in the order given, NaN refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


class NotText(ValueError):
    """A file is not in an encoding that is read; the message names byte, place and remedy, but not the file.

    Unlike the error of the decoder, it does not carry the content of the file into messages.
    """


def read_text(path: Path) -> str:
    """Text of a file as editors, spreadsheets and shells save it: UTF-8, or UTF-16 with its mark.

    A byte order mark is no part of the text.

    Raises:
        OSError: the file cannot be read.
        NotText: it is in another encoding.
    """
    content = path.read_bytes()
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{error.object[error.start]:02x} at position {error.start}"
        raise NotText(f"not UTF-8 text ({byte}). Save it as UTF-8.") from None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _prefix(path: Path) -> str:
    """How names of temporaries begin: as the target's, but short, since that may be as long as is legal."""
    return f".{path.name[:_NAME_KEPT]}."


def unwritable(error: OSError) -> bool:
    """Whether the place cannot be written: full, forbidden, in use, read-only, or its name too long."""
    return error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EACCES,
        errno.EROFS,
        errno.ENAMETOOLONG,
        errno.EBUSY,
    )


def remedy_for(error: OSError) -> str:
    """What to do about a place that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space or choose another output folder."
    if error.errno == errno.EBUSY:
        return "It is in use: the folder that a command was started in, or a mounted disk. Name one in it."
    if error.errno == errno.ENAMETOOLONG:
        return "Rename the photo that it is called after, or shorten the path."
    return "Choose another output folder, or correct its permissions."


def cannot_write(path: Path, error: OSError) -> DescaleError:
    """The error to raise for a place that cannot be written."""
    return DescaleError(f"Cannot write {path}: {error.strerror or error}. {remedy_for(error)}")
