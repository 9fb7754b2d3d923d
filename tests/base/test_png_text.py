"""Sound pictures with more text or a larger profile than the library beneath accepts."""

from __future__ import annotations

import io
import logging
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from descale.base.photo import photo_orientation, photo_size, read_photo

MUCH = PngImagePlugin.MAX_TEXT_CHUNK * 3
PIXELS = np.random.default_rng(0).integers(0, 255, (32, 48, 3), dtype=np.uint8)


def png(**options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "PNG", **options)
    return stream.getvalue()


def with_chunk(content: bytes, kind: bytes, inside: bytes) -> bytes:
    """Put a chunk behind the header's."""
    checksum = zlib.crc32(kind + inside).to_bytes(4, "big")
    return content[:33] + len(inside).to_bytes(4, "big") + kind + inside + checksum + content[33:]


LONG = {
    "zTXt": (b"zTXt", b"History\0\0" + zlib.compress(b"x" * MUCH)),
    "iTXt": (b"iTXt", b"History\0\1\0\0\0" + zlib.compress(b"x" * MUCH)),
    "iCCP": (b"iCCP", b"Profile\0\0" + zlib.compress(b"x" * MUCH)),
}


@pytest.mark.parametrize("kind", LONG)
def test_megabytes_of_text_do_not_make_a_picture_unreadable(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(with_chunk(png(), *LONG[kind]))
    with pytest.raises(ValueError, match="too large"), Image.open(path) as image:
        image.load()  # the library alone
    assert (read_photo(path) == PIXELS).all()
    assert photo_size(path) == (32, 48)
    with path.open("rb") as stream:
        assert (read_photo(stream) == PIXELS).all()


def test_the_orientation_beside_long_text_is_honoured(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 3
    (tmp_path / "a.png").write_bytes(with_chunk(png(exif=exif), *LONG["zTXt"]))
    assert (read_photo(tmp_path / "a.png") == PIXELS[::-1, ::-1]).all()


def test_what_is_longer_than_memory_should_hold_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("descale.base.png_text._UNPACKED", MUCH - 1)
    caplog.set_level(logging.INFO)
    (tmp_path / "a.png").write_bytes(with_chunk(png(), *LONG["zTXt"]))
    assert (read_photo(tmp_path / "a.png") == PIXELS).all()
    assert "1 very long texts" in caplog.text


@pytest.mark.parametrize(
    ("orientation", "size", "decoded"), [(None, (32, 48), 0), (3, (32, 48), 0), (6, (48, 32), 0)]
)
def test_the_size_of_an_upright_picture_is_known_without_decoding_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    orientation: int | None,
    size: tuple[int, int],
    decoded: int,
) -> None:
    exif = Image.Exif()
    if orientation is not None:
        exif[274] = orientation
    (tmp_path / "a.png").write_bytes(png(exif=exif) if orientation else png())
    loads = []
    load = PngImagePlugin.PngImageFile.load
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: (loads.append(self), load(self))[1])
    assert photo_size(tmp_path / "a.png") == size
    assert len(loads) == decoded


def test_an_orientation_that_stands_in_xmp_alone_is_honoured_everywhere(tmp_path: Path) -> None:
    told = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    content = with_chunk(png(), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + told)
    (tmp_path / "a.png").write_bytes(content)
    assert read_photo(tmp_path / "a.png").shape[:2] == (48, 32)
    assert photo_size(tmp_path / "a.png") == (48, 32)
    assert photo_orientation(tmp_path / "a.png") == 6


def test_an_orientation_behind_the_pixels_counts_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    inside = exif.tobytes().removeprefix(b"Exif\0\0")
    checksum = zlib.crc32(b"eXIf" + inside).to_bytes(4, "big")
    content = png()
    end = content[-12:]
    (tmp_path / "a.png").write_bytes(
        content[:-12] + len(inside).to_bytes(4, "big") + b"eXIf" + inside + checksum + end
    )
    assert photo_size(tmp_path / "a.png") == (48, 32)
    assert read_photo(tmp_path / "a.png").shape[:2] == (48, 32)
