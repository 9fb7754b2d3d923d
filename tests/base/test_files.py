"""Files and folders are replaced as a whole, whatever they are called."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from descale.base.errors import DescaleError
from descale.base.files import replacing_folder, write_text

NAMES = ["a" * 255, "ß" * 127, "🦀" * 63]


@pytest.mark.parametrize("name", NAMES, ids=["1 byte", "2 bytes", "4 bytes"])
def test_the_longest_names_that_a_file_system_takes(tmp_path: Path, name: str) -> None:
    for text in ("old", "new"):
        write_text(tmp_path / "file" / name, text)
        with replacing_folder(tmp_path / "folder" / name) as folder:
            (folder / "text").write_text(text)
    assert (tmp_path / "file" / name).read_text() == "new"
    assert (tmp_path / "folder" / name / "text").read_text() == "new"
    assert len(list(tmp_path.rglob("*"))) == 5, "something temporary is left"


def test_a_name_that_is_too_long_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DescaleError, match=r"File name too long\. Rename the photo that it is called after"):
        write_text(tmp_path / ("a" * 256), "text")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", [".", "mounted"])
def test_an_empty_folder_that_cannot_be_renamed_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The folder that a command was started in, or one that a disk is mounted in."""
    (tmp_path / "here" / "mounted").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / ("" if place == "mounted" else "mounted"))
    target = Path(place)
    with replacing_folder(target) as folder:
        (folder / "text").write_text("new")
    assert (target / "text").read_text() == "new"
    assert sorted(path.name for path in (tmp_path / "here").rglob("*")) == ["mounted", "text"]


def test_a_folder_in_use_is_explained_and_nothing_temporary_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, replace = tmp_path / "mounted", os.replace
    place.mkdir()
    (place / "old").write_text("old")

    def refused(source: Path, target: Path) -> None:
        if source == place:
            raise OSError(errno.EBUSY, "Device or resource busy")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(DescaleError, match="in use"), replacing_folder(place) as folder:
        (folder / "text").write_text("new")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mounted", "old"]


def test_what_stood_there_is_put_back_where_the_new_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, replace = tmp_path / "model", os.replace
    place.mkdir()
    (place / "old").write_text("old")

    def refused(source: Path, target: Path) -> None:
        if str(source).endswith(".part"):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(DescaleError, match="No space"), replacing_folder(place) as folder:
        (folder / "text").write_text("new")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["model", "old"]


def test_text_with_a_file_name_that_is_not_utf8(tmp_path: Path) -> None:
    write_text(tmp_path / "text", f"photo {os.fsdecode(bytes([98, 252]))}")
    assert (tmp_path / "text").read_text() == "photo b\\udcfc"
