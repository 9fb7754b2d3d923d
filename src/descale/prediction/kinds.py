"""Which files are photos, which are films, and which could be either but are not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path, PurePath
from typing import Literal, TypeVar

from descale.base.content import content_of_file
from descale.base.photo import PHOTO_SUFFIXES
from descale.prediction.video import SHARED_SUFFIXES, VIDEO_SUFFIXES

UNREAD_SUFFIXES = frozenset(
    {
        ".heic", ".heif", ".hif", ".avif", ".gif", ".jp2", ".j2k", ".j2c", ".jpf", ".jpx", ".jpm", ".jxl",
        ".jxr", ".wdp", ".mpo", ".jps", ".insp", ".psd", ".psb", ".tga", ".exr", ".hdr", ".pcx", ".ppm",
        ".pgm", ".pnm", ".pbm", ".pfm", ".jls", ".dib", ".rle", ".apng", ".ecw", ".dcm", ".3fr", ".arw",
        ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dcs", ".dng", ".erf", ".fff", ".gpr", ".iiq",
        ".k25", ".kdc", ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".ptx", ".r3d",
        ".raf", ".raw", ".rw2", ".rwl", ".rwz", ".sr2", ".srf", ".srw", ".x3f",
        ".sgi", ".dds", ".ico", ".icns", ".msp", ".xbm", ".braw",
    }
)  # fmt: skip
"""File name endings (lower case) of telephones' and cameras' own formats and others that are not read."""

Kind = Literal["photo", "film", "unread", "misnamed", "other"]
"""``unread``: a picture of a kind that is not read; ``misnamed``: picture or film under an ending of
something else; ``other``: neither picture nor film."""

AnyPath = TypeVar("AnyPath", bound=PurePath)


def kind_by_name(path: PurePath) -> Kind | None:
    """What the ending says; ``None`` where only the content can tell.

    >>> [kind_by_name(PurePath(name)) for name in ("a.JPG", "a.mts", "a.heic", "a.txt", "a")]
    ['photo', 'film', 'unread', None, None]
    """
    suffix = path.suffix.lower()
    if suffix in PHOTO_SUFFIXES:
        return "photo"
    if suffix in VIDEO_SUFFIXES:
        return "film"
    return "unread" if suffix in UNREAD_SUFFIXES else None


def kind_of(path: Path) -> Kind:
    """What the ending says, or the content of a file without an ending, or with one that says nothing.

    A file under an ending of something else is not taken, since it may be a copy: ``.bak``, ``.thm``.
    """
    named = kind_by_name(path)
    if named is not None:
        return named
    content = content_of_file(path)
    if content is None:
        return "other"
    if content.film and path.suffix.lower() in SHARED_SUFFIXES | {""}:
        return "film"
    if path.suffix:
        return "misnamed"
    return "photo" if content.read else "unread"


def is_film(path: Path) -> bool:
    """Whether a file is to be read as a film: by its ending, or by its content where that says nothing."""
    named = kind_by_name(path)
    if named is not None:
        return named == "film"
    content = content_of_file(path)
    return content is not None and content.film


def without_copies(left: Collection[AnyPath], read: Collection[AnyPath]) -> list[AnyPath]:
    """Files that are not read, but for those beside which the same picture lies as one that is.

    >>> from pathlib import PurePosixPath as P
    >>> without_copies([P("a.heic"), P("b.DNG")], [P("b.jpg")])
    [PurePosixPath('a.heic')]
    """
    stems = {path.with_suffix("") for path in read}
    return [path for path in left if path.with_suffix("") not in stems]


def why_not_read(path: PurePath) -> str:
    """For tables and messages."""
    content = content_of_file(path) if isinstance(path, Path) else None
    if kind_by_name(path) is None and content is not None:
        return f"{path}: {content.name} by its content, under an ending of something else. Rename it."
    return f"{path}: {path.suffix or 'this kind'} is not read. Convert it to JPEG."


def count_kinds(paths: Sequence[PurePath]) -> str:
    """Their endings with the number of each, commonest first.

    >>> count_kinds([PurePath("a.gif"), PurePath("a.HEIC"), PurePath("b.heic")])
    '.heic 2, .gif 1'
    """
    counts = Counter(path.suffix.lower() or "no ending" for path in paths)
    return ", ".join(f"{kind} {number}" for kind, number in counts.most_common())
