"""What a file is, by its first bytes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from descale.base.content import HEAD, content_of, content_of_file
from descale.base.errors import DataError
from descale.base.photo import read_photo


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
def test_pictures_that_are_read_are_known_by_their_content(kind: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, kind)
    content = content_of(stream.getvalue()[:HEAD])
    assert content is not None
    assert content.read
    assert kind.lower() in content.name.lower()


@pytest.mark.parametrize(
    ("head", "name", "film"),
    [
        (b"\0\0\0\x18ftypheic\0\0", "HEIC", False),
        (b"\0\0\0\x18ftypavif\0\0", "AVIF", False),
        (b"\0\0\0\x18ftypcrx \0\0", "Canon", False),
        (b"\0\0\0\x18ftypqt  \0\0", "QuickTime", True),
        (b"\0\0\0\x18ftyp3gp5\0\0", "MP4", True),
        (b"RIFF\0\0\0\0AVI LIST", "AVI", True),
        (b"\0\0\x01\xba" + bytes(20), "MPEG", True),
        ((b"\x47" + bytes(187)) * 3, "transport stream", True),
        (bytes(4) + (b"\x47" + bytes(191)) * 2, "transport stream", True),
    ],
)
def test_cameras_own_formats_and_films(head: bytes, name: str, film: bool) -> None:
    content = content_of(head)
    assert content is not None
    assert name in content.name
    assert content.film == film
    assert not content.read


@pytest.mark.parametrize(
    "head",
    [b"", b"G", b"Good morning", b"BM is no bitmap by these two letters alone", b"\0\0\0\x18ftypM4A \0\0",
     b"RIFF\0\0\0\0WAVEfmt ", b"export const GREETING = 'Hello';" * 20],
)  # fmt: skip
def test_what_is_neither(head: bytes) -> None:
    assert content_of(head) is None


def test_a_file_that_cannot_be_read_has_no_content(tmp_path: Path) -> None:
    assert content_of_file(tmp_path / "missing") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0", "its content is a HEIC or HEIF picture"),
        (b"RIFF\0\0\0\0AVI LIST", "not a photo, its content is an AVI film"),
    ],
)
def test_a_photo_that_is_something_else_is_told_as_what_it_is(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_photo(tmp_path / "a.jpg")
