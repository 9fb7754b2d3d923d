"""PNG files with more text or a larger colour profile than Pillow accepts: the picture is sound all the same.

Pillow refuses packed text above 1 MB, and 64 MB of text in all, as if the picture were broken. Histories of
editors and data of measurement programs exceed that. Such text is unpacked beforehand, since it may say how
the picture is turned, or left away.
"""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO

from PIL.PngImagePlugin import MAX_TEXT_CHUNK, MAX_TEXT_MEMORY

logger = logging.getLogger(__name__)

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXT = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
_TELL_HOW_TURNED = (b"Raw profile type exif", b"XML:com.adobe.xmp")
"""Beginnings of texts in which Pillow finds an orientation."""
_UNPACKED = MAX_TEXT_MEMORY // 4
"""Bytes of text, unpacked, that are kept of one chunk, and a bound for the memory that it takes."""


def readable_png(stream: BinaryIO, name: str) -> BinaryIO | None:
    """A copy of a PNG that Pillow reads, or ``None`` where it needs none, or is no PNG.

    Args:
        stream: seekable; its position is left as it is.
        name: for messages.
    """
    start = stream.tell()
    try:
        if stream.read(len(_SIGNATURE)) != _SIGNATURE or not _has_long_text(stream):
            return None
        stream.seek(start + len(_SIGNATURE))
        return _with_short_text(stream, name)
    finally:
        stream.seek(start)


def has_exif(stream: IO[bytes]) -> bool:
    """Whether a PNG may tell how it is turned, before its pixels or behind them; nothing is decoded.

    Args:
        stream: seekable, the whole file; its position is left as it is.
    """
    start = stream.tell()
    try:
        stream.seek(len(_SIGNATURE))
        return any(
            kind == b"eXIf" or content.startswith(_TELL_HOW_TURNED)
            for kind, content in _chunks(stream, (b"eXIf", *_TEXT))
        )
    finally:
        stream.seek(start)


def _has_long_text(stream: BinaryIO) -> bool:
    total = 0
    for kind, content in _chunks(stream, _TEXT):
        packed = _packed(kind, content)
        if packed is not None and _unpack(packed, MAX_TEXT_CHUNK) is None:
            return True
        total += len(content) if packed is None else MAX_TEXT_CHUNK  # at most, or it is long
    return total > MAX_TEXT_MEMORY


def _with_short_text(stream: BinaryIO, name: str) -> BinaryIO:
    copy = io.BytesIO()
    copy.write(_SIGNATURE)
    left, dropped = MAX_TEXT_MEMORY, 0
    for kind, content in _chunks(stream, None):
        if kind in _TEXT:
            written = _shortened(kind, content)
            if written is None or len(written[1]) > left:
                dropped += 1
                continue
            kind, content = written
            left -= len(content)
        copy.write(len(content).to_bytes(4, "big") + kind + content)
        copy.write(zlib.crc32(kind + content).to_bytes(4, "big"))
    if dropped:
        logger.info("%s: %d very long texts or profiles in it were passed over", name, dropped)
    copy.seek(0)
    return copy


def _shortened(kind: bytes, content: bytes) -> tuple[bytes, bytes] | None:
    """The same text, not packed; ``None`` for what is too long even so, and for a profile."""
    packed = _packed(kind, content)
    if packed is None:
        return kind, content
    if kind == b"iCCP":  # of no use here: of PNG's kinds of pixels none is converted by it
        return None if _unpack(packed, MAX_TEXT_CHUNK) is None else (kind, content)
    text = _unpack(packed, _UNPACKED)
    if text is None:
        return None
    before = content[: len(content) - len(packed)]
    if kind == b"zTXt":
        return b"tEXt", before[:-1] + text  # without the byte for the kind of packing
    key = before.index(b"\0") + 1
    return kind, before[:key] + b"\0\0" + before[key + 2 :] + text


def _packed(kind: bytes, content: bytes) -> bytes | None:
    """The packed part of a chunk; ``None`` if nothing in it is packed."""
    _, separator, rest = content.partition(b"\0")
    if not separator or kind == b"tEXt":
        return None
    if kind in (b"zTXt", b"iCCP"):
        return rest[1:]
    parts = rest[2:].split(b"\0", 2)  # language, translated key, text
    return parts[2] if rest[:1] == b"\1" and len(parts) == 3 else None


def _unpack(packed: bytes, limit: int) -> bytes | None:
    """``None`` if it is longer than ``limit`` bytes; what is broken is empty, as it is to Pillow."""
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(packed, limit)
    except zlib.error:
        return b""
    return None if unpacking.unconsumed_tail else text


def _chunks(stream: IO[bytes], kinds: tuple[bytes, ...] | None) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the chunks, of these ``kinds`` alone if given; ends where the file does."""
    while len(head := stream.read(8)) == 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kinds is None or kind in kinds:
            content = stream.read(length)
            stream.seek(4, io.SEEK_CUR)
            if len(content) < length:
                return
            yield kind, content
        else:
            stream.seek(length + 4, io.SEEK_CUR)
