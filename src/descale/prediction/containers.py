"""Whether a film's file is as long as its container says: a cut one is shorter, whatever its frames do."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_TAIL = 4096


def is_complete(path: Path) -> bool:
    """Whether the file ends where its container (AVI, Matroska, MP4, QuickTime) says that it ends.

    ``False`` also where the container does not tell, or where the end is all zeros, as in a file that was
    reserved on the disk and never filled.

    Raises:
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(12)
        if head[:4] == b"RIFF":
            ends = _follow(stream, size, little=True)
        elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            ends = _follow(stream, size, little=False)
        elif head[:4] == b"\x1aE\xdf\xa3":
            ends = _segment_ends(stream, size)
        else:
            return False
        stream.seek(max(0, size - _TAIL))
        return ends and any(stream.read())


def _follow(stream: BinaryIO, size: int, *, little: bool) -> bool:
    """Step over the outermost parts: length and name (MP4), or name and length of the rest (RIFF)."""
    at = 0
    while at + 8 <= size:
        stream.seek(at)
        head = stream.read(16)
        if little:
            if head[:4] != b"RIFF":
                return True  # something that a program added behind
            length = int.from_bytes(head[4:8], "little")
            if not length:
                return False  # the recorder never came back to fill it in
            at += 8 + length + length % 2
        else:
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8:
                return False  # 0: until the end, wherever that is
            at += length
    return at <= size + 1  # a last odd byte may lack its padding


def _segment_ends(stream: BinaryIO, size: int) -> bool:
    """Matroska: a header, then one segment; lengths take one to eight bytes, all ones for unknown."""
    at = 4
    for identifier in (0, 4):  # bytes of the name that follow: the header's is behind us
        stream.seek(at + identifier)
        first = stream.read(1)
        if not first or not first[0]:
            return False
        width = 9 - first[0].bit_length()
        value = int.from_bytes(first + stream.read(width - 1), "big") & ((1 << (7 * width)) - 1)
        if value == (1 << (7 * width)) - 1:
            return False
        at += identifier + width + value
    return at <= size
