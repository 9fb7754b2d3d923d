"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HEAD = 512
"""Bytes that :func:`content_of` looks at."""


@dataclass(frozen=True)
class Content:
    """A kind of picture or film.

    Attributes:
        name: for messages: ``a JPEG picture``.
        film: moving pictures.
        read: a picture of a kind that is read.
    """

    name: str
    film: bool = False
    read: bool = False


_STARTS: tuple[tuple[bytes, Content], ...] = (
    (b"\xff\xd8\xff", Content("a JPEG picture", read=True)),
    (b"\x89PNG\r\n\x1a\n", Content("a PNG picture", read=True)),
    (b"GIF87a", Content("a GIF picture")),
    (b"GIF89a", Content("a GIF picture")),
    (b"8BPS", Content("a Photoshop picture")),
    (b"\0\0\0\x0cjP  ", Content("a JPEG 2000 picture")),
    (b"\xff\x4f\xff\x51", Content("a JPEG 2000 picture")),
    (b"\0\0\0\x0cJXL ", Content("a JPEG XL picture")),
    (b"\xff\x0a", Content("a JPEG XL picture")),
    (b"FUJIFILMCCD-RAW", Content("a raw picture of a Fujifilm camera")),
    (b"IIU\0", Content("a raw picture of a Panasonic camera")),
    (b"IIRO", Content("a raw picture of an Olympus camera")),
    (b"IIRS", Content("a raw picture of an Olympus camera")),
    (b"FOVb", Content("a raw picture of a Sigma camera")),
    (b"II*\0", Content("a TIFF or raw picture", read=True)),
    (b"MM\0*", Content("a TIFF or raw picture", read=True)),
    (b"II+\0", Content("a BigTIFF picture")),
    (b"MM\0+", Content("a BigTIFF picture")),
    (b"\x1aE\xdf\xa3", Content("a Matroska or WebM film", film=True)),
    (b"0&\xb2u\x8ef\xcf\x11", Content("a Windows Media film", film=True)),
    (b"FLV\x01", Content("a Flash film", film=True)),
    (b"\0\0\x01\xba", Content("an MPEG film", film=True)),
    (b"\0\0\x01\xb3", Content("an MPEG film", film=True)),
    (b".RMF", Content("a RealMedia film", film=True)),
    (b"\x06\x0e+4\x02\x05\x01\x01", Content("an MXF film", film=True)),
)
_RIFF = {b"WEBP": Content("a WebP picture", read=True), b"AVI ": Content("an AVI film", film=True)}
_HEIF = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_BITMAP_HEADERS = {12, 40, 52, 56, 64, 108, 124}
_SOUND = {b"M4A ", b"M4B ", b"M4P "}


def content_of(head: bytes) -> Content | None:
    """The kind of picture or film that begins with ``head`` (:data:`HEAD` bytes, or all there are).

    >>> content_of(b"\\xff\\xd8\\xff\\xe0....")
    Content(name='a JPEG picture', film=False, read=True)
    >>> content_of(b"notes of the day") is None
    True
    """
    for start, content in _STARTS:
        if head.startswith(start):
            return content
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _by_brand(head[8:12])
    if head[4:8] in (b"moov", b"mdat", b"wide") or (head[4:8] == b"free" and b"mdat" in head):
        return Content("a QuickTime film", film=True)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS:
        return Content("a BMP picture", read=True)
    if head[:4] == b"OggS" and b"theora" in head:
        return Content("an Ogg film", film=True)
    for first, packet in ((0, 188), (4, 192)):  # of camcorders each packet follows four bytes of time
        marks = head[first::packet]
        if len(marks) > 1 and set(marks) == {0x47}:
            return Content("an MPEG transport stream, a film", film=True)
    return None


def content_of_file(path: Path) -> Content | None:
    """As :func:`content_of`; ``None`` also for a file that cannot be read."""
    try:
        with path.open("rb") as stream:
            return content_of(stream.read(HEAD))
    except OSError:
        return None


def _by_brand(brand: bytes) -> Content | None:
    if brand in _HEIF:
        return Content("a HEIC or HEIF picture")
    if brand in (b"avif", b"avis"):
        return Content("an AVIF picture")
    if brand == b"crx ":
        return Content("a raw picture of a Canon camera")
    return None if brand in _SOUND else Content("an MP4 or QuickTime film", film=True)
