"""Frames of a video: all of them, or a word about those that are lacking."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.prediction.clips import FRAMES, RATE, cut, write_clip

from descale.base.errors import DataError
from descale.prediction.containers import is_complete
from descale.prediction.video import count_frames, read_frames

pytest.importorskip("av", reason="the extra descale[video] is not installed")


@pytest.fixture(params=["mp4", "avi", "mkv"])
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_clip(tmp_path / f"clip.{request.param}")


def test_a_whole_video_gives_every_frame(clip: Path) -> None:
    assert [number for number, _ in read_frames(clip, 1)] == list(range(FRAMES))


def test_a_title_that_is_no_utf8_matters_to_nobody(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.avi", title="BrXcke")
    path.write_bytes(path.read_bytes().replace(b"BrXcke", b"Br\xfccke"))
    assert count_frames(path) == FRAMES
    assert len(list(read_frames(path, 1))) == FRAMES


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_video_that_is_cut_off_gives_its_frames_and_then_says_so(clip: Path, share: float) -> None:
    cut(clip, share)
    read: list[int] = []
    said = "of 6.0 seconds" if clip.suffix == ".mkv" else f"of {FRAMES} frames"
    with pytest.raises(DataError, match=rf"clip\.\w+: only .* {said} could be .* copy it again") as caught:
        read.extend(number for number, _ in read_frames(clip, 1))
    assert 0 < len(read) < 0.8 * FRAMES
    assert read == list(range(len(read)))
    if clip.suffix != ".mkv":
        assert f"only {len(read)} of" in str(caught.value)


def test_what_an_editor_trimmed_away_is_not_lacking(tmp_path: Path) -> None:
    """Telephones trim a video by its edit list alone: all frames stay in the file, and in its count."""
    path = write_clip(tmp_path / "clip.mov")
    content = bytearray(path.read_bytes())
    place = content.find(b"elst") + 12  # after version, flags, and the number of entries
    length, begin = 3000, struct.unpack(">i", content[place + 4 : place + 8])[0]
    content[place : place + 8] = struct.pack(">Ii", length, begin)
    path.write_bytes(content)
    assert len(list(read_frames(path, 1))) == 3 * RATE
    cut(path, 0.3)
    with pytest.raises(DataError, match="could be read; it is cut off"):
        list(read_frames(path, 1))


def test_a_count_that_includes_dropped_frames_is_no_cut(tmp_path: Path) -> None:
    """Recorders count what they dropped: the file is whole, though fewer frames come out than it states."""
    path = write_clip(tmp_path / "clip.avi")
    content = bytearray(path.read_bytes())
    header = content.index(b"strh") + 8
    struct.pack_into("<I", content, header + 32, 2 * FRAMES)  # the stream's length
    path.write_bytes(content)
    assert count_frames(path) == 2 * FRAMES
    assert len(list(read_frames(path, 1))) == FRAMES
    cut(path, 0.5)
    with pytest.raises(DataError, match=rf"of {2 * FRAMES} frames could be read; it is cut off"):
        list(read_frames(path, 1))


@pytest.mark.parametrize("ending", ["mts", "mpg", "wmv", "3gp", "ts", "flv"])
def test_films_of_camcorders_telephones_and_windows_are_read(tmp_path: Path, ending: str) -> None:
    codec = {"mpg": "mpeg2video", "wmv": "wmv2", "flv": "flv1"}.get(ending, "mpeg4")
    kind = {"mts": "mpegts", "ts": "mpegts", "mpg": "mpeg", "wmv": "asf"}.get(ending)
    path = write_clip(tmp_path / f"clip.{ending}", codec=codec, container=kind, rate=25)
    assert len(list(read_frames(path, 1))) == FRAMES


def test_a_windows_film_that_is_cut_off_is_told_though_it_has_no_length_then(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.wmv", codec="wmv2", container="asf", rate=25)
    assert is_complete(path)
    cut(path, 0.5)
    assert not is_complete(path)
    read: list[int] = []
    with pytest.raises(DataError, match="shorter than it states, so it is cut off"):
        read.extend(number for number, _ in read_frames(path, 1))
    assert 0 < len(read) < 0.8 * FRAMES


def test_a_photo_called_a_film_is_told_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    with pytest.raises(DataError, match="HEIC"):
        list(read_frames(tmp_path / "a.mp4", 1))


@pytest.mark.parametrize("ending", ["mp4", "avi", "mkv"])
def test_a_whole_file_ends_where_its_container_says(tmp_path: Path, ending: str) -> None:
    path = write_clip(tmp_path / f"clip.{ending}")
    assert is_complete(path)
    content = path.read_bytes()
    path.write_bytes(content[:-9000])
    assert not is_complete(path)
    path.write_bytes(content[:-9000] + bytes(9000))  # reserved on the disk and never filled
    assert not is_complete(path)
