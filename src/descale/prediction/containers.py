"""Whether a film's file is as long as its container says: a cut one is shorter, whatever its frames do."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_TAIL = 4096
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_HEAD = 1 << 16


def is_complete(path: Path) -> bool:
    """Whether the file ends where its container (AVI, Matroska, MP4, QuickTime, ASF) says that it ends.

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
        elif head == _ASF[:12]:
            ends = bool(_asf_bytes(path)) and not is_cut(path)
        else:
            return False
        stream.seek(max(0, size - _TAIL))
        return ends and any(stream.read())


def is_cut(path: Path) -> bool:
    """Whether a Windows Media file (ASF) is shorter than it says; ``False`` also for all others.

    FFmpeg takes a cut one for a whole one without a length.

    Raises:
        OSError: the file cannot be read.
    """
    return path.stat().st_size < _asf_bytes(path)


def _asf_bytes(path: Path) -> int:
    """Bytes that an ASF file states: in its file properties, behind their name, length and own name. 0 if it
    states none, as a broadcast, or is of another kind."""
    with path.open("rb") as stream:
        head = stream.read(_ASF_HEAD)
    at = head.find(_ASF_PROPERTIES) if head.startswith(_ASF) else -1
    return 0 if at < 0 else int.from_bytes(head[at + 40 : at + 48], "little")


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
