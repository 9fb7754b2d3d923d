"""Which files a command line means, and what their outputs are called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from descale.base.errors import DataError
from descale.prediction.inputs import Found, Input, find_inputs
from descale.prediction.sources import output_names


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "a.jpg",
        "b.PNG",
        "notes.txt",
        "sub/c.tif",
        ".hidden.jpg",
        ".cache/d.jpg",
        "out/masks/a.png",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    return tmp_path


def _names(found: Found, root: Path) -> list[str]:
    return [item.path.relative_to(root).as_posix() for item in found.inputs]


def test_folder_is_searched_without_outputs_and_hidden_files(tree: Path) -> None:
    assert _names(find_inputs([str(tree)], exclude=tree / "out"), tree) == ["a.jpg", "b.PNG", "sub/c.tif"]


def test_patterns(tree: Path) -> None:
    assert _names(find_inputs([f"{tree}/*.jpg"]), tree) == ["a.jpg"]
    assert _names(find_inputs([f"{tree}/**/c.*"]), tree) == ["sub/c.tif"]


def test_only_what_a_wildcard_matched_can_be_hidden(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / ".cache" / ".e.jpg").touch()
    assert _names(find_inputs([f"{tree}/.cache/*.jpg"]), tree) == [".cache/d.jpg"]
    assert _names(find_inputs([f"{tree}/.cache/**/*.jpg"]), tree) == [".cache/d.jpg"]
    assert _names(find_inputs([str(tree / ".cache")]), tree) == [".cache/d.jpg"]
    monkeypatch.chdir(tree / "sub")
    assert [str(item.path) for item in find_inputs(["../*.jpg"]).inputs] == ["../a.jpg"]
    assert find_inputs(["../*/../a.*"]).inputs
    with pytest.raises(DataError, match="no photo or video matches"):
        find_inputs([f"{tree}/.*/d.jpg"])


def test_an_output_folder_that_holds_the_photos_is_named(tree: Path) -> None:
    for out in (tree, tree.parent):
        for argument in (str(tree), f"{tree}/*.jpg"):
            with pytest.raises(DataError, match=rf"--out {out} holds the photos; give another folder"):
                find_inputs([argument], exclude=out)


def test_each_file_once(tree: Path) -> None:
    assert len(find_inputs([str(tree / "a.jpg"), str(tree / "a.jpg"), f"{tree}/a.*"]).inputs) == 1


@pytest.mark.parametrize(
    ("argument", "message"),
    [("nothing.jpg", "no such file"), ("*.bmp", "no photo or video matches"), ("empty", "without photos")],
)
def test_nothing_there(tree: Path, argument: str, message: str) -> None:
    (tree / "empty").mkdir()
    with pytest.raises(DataError, match=message):
        find_inputs([str(tree / argument)])


def test_pictures_that_are_not_read_are_told(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("e.HEIC", "sub/f.heic", "g.gif", "notes.csv", "a.dng", ".h.heic", "out/i.heic"):
        (tree / name).touch()
    found = find_inputs([str(tree)], exclude=tree / "out")
    assert _names(found, tree) == ["a.jpg", "b.PNG", "sub/c.tif"]
    assert [Path(photo).name for photo, _ in found.unread] == ["e.HEIC", "g.gif", "f.heic"]  # a.jpg is read
    assert f"3 files in {tree} are of no kind that is read (.heic 2, .gif 1)" in caplog.text
    assert not find_inputs([f"{tree}/*.jpg"]).unread
    for argument in ("*.heic", "raw"):
        (tree / "raw").mkdir(exist_ok=True)
        (tree / "raw" / "x.heic").touch()
        (tree / "y.heic").touch()
        with pytest.raises(DataError, match=r"of other kinds are not read \(\.heic 1\): convert them"):
            find_inputs([str(tree / argument)])


@pytest.mark.parametrize("proof", ["old/photos/x/c.json", "old/predictions.csv", "old/predictions.coco.json"])
def test_results_of_an_earlier_run_are_no_photos(
    tree: Path, proof: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = ("old/masks/a.png", "old/colours/x/c.png", "old/overlays/a.jpg")
    taken = ("old/photos/more.jpg", "old/later.jpg", "masks/e.png")  # no results: nothing else says so
    for name in (*made, *taken, proof):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    caplog.set_level("INFO")
    assert set(_names(find_inputs([str(tree)], exclude=tree / "out"), tree)) == {
        "a.jpg", "b.PNG", "sub/c.tif", *taken
    }  # fmt: skip
    assert "3 pictures are results of an earlier run and are left out" in caplog.text
    assert _names(find_inputs([f"{tree}/**/?.jpg"]), tree) == ["a.jpg"]
    assert _names(find_inputs([str(tree / "old/overlays")]), tree) == ["old/overlays/a.jpg"]  # if asked for
    for path in taken:
        (tree / path).unlink()
    with pytest.raises(DataError, match="What is there are results of an earlier run"):
        find_inputs([str(tree / "old")])


def test_photos_behind_links_are_found_once_each(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One day's folder lies on another disk; links lead back to the parent and to a photo there anyway."""
    site, disk = tmp_path / "site", tmp_path / "disk"
    for path in (site / "day1/a.jpg", disk / "day2/b.jpg", disk / "day2/deep/c.jpg", tmp_path / "d.jpg"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (site / "day2").symlink_to(disk / "day2")
    (site / "loop").symlink_to(site)
    (site / "day1/up").symlink_to(tmp_path)
    (disk / "day2/back").symlink_to(site / "day1")
    (site / "again.jpg").symlink_to(site / "day1/a.jpg")
    (site / "linked.jpg").symlink_to(tmp_path / "d.jpg")
    caplog.set_level("INFO")
    everything = ["day1/a.jpg", "day2/b.jpg", "day2/deep/c.jpg", "linked.jpg"]
    assert _names(find_inputs([str(site)]), site) == everything
    assert "links lead to what is there anyway, or back" in caplog.text
    assert sorted(_names(find_inputs([f"{site}/**/*.jpg"]), site)) == everything
    assert _names(find_inputs([f"{site}/*/*.jpg"]), site)[:2] == ["day1/a.jpg", "day2/b.jpg"]


def test_links_that_lead_nowhere_and_pipes_are_told(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tree / "gone.jpg").symlink_to(tree / "unmounted" / "x.jpg")
    os.mkfifo(tree / "pipe.jpg")
    found = find_inputs([str(tree)], exclude=tree / "out")
    assert _names(found, tree) == ["a.jpg", "b.PNG", "sub/c.tif"]
    assert {Path(path).name: why.rpartition(": ")[2] for path, why in found.unread} == {
        "gone.jpg": "a link that leads nowhere. Is its disk mounted?",
        "pipe.jpg": "a pipe, socket or device, not a file. Leave it out.",
    }
    assert "a link that leads nowhere" in caplog.text


def test_content_decides_where_the_ending_says_nothing(tmp_path: Path) -> None:
    """Recovered files have no ending, ``.ts`` is a film or a program, and copies are not taken twice."""
    picture, film = tmp_path / "a.jpg", (b"\x47" + bytes(187)) * 4
    Image.new("RGB", (8, 8)).save(picture)
    for name, content in (
        ("bare", picture.read_bytes()),
        ("walk.ts", film),
        ("CLIP.TOD", film),
        ("program.ts", b"export const a = 1;"),
        ("a.bak", picture.read_bytes()),
        ("b.bak", picture.read_bytes()),
        ("notes", b"notes"),
    ):
        (tmp_path / name).write_bytes(content)
    found = find_inputs([str(tmp_path)])
    films = {"walk.ts", "CLIP.TOD"}
    told = {Path(path).name: why for path, why in found.unread}
    assert {item.path.name for item in found.inputs} | {name for name in told if name in films} == {
        "a.jpg", "bare", *films
    }  # fmt: skip
    assert told.keys() - films == {"b.bak"}
    assert "a JPEG picture by its content" in told["b.bak"]


@pytest.mark.parametrize("name", ["a.mts", "a.MPG", "a.wmv", "a.3gp", "a.m2ts", "a.mkv", "a.dav", "a.264"])
def test_films_of_camcorders_and_telephones_are_done_or_told(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for file in (name, "photo.jpg"):
        (tmp_path / file).touch()
    monkeypatch.setattr("descale.prediction.inputs.can_read_videos", lambda: True)
    assert _names(find_inputs([str(tmp_path)]), tmp_path) == [name, "photo.jpg"]
    monkeypatch.setattr("descale.prediction.inputs.can_read_videos", lambda: False)
    found = find_inputs([str(tmp_path)])
    assert _names(found, tmp_path) == ["photo.jpg"]
    assert [Path(path).name for path, _ in found.unread] == [name]
    assert "1 films in" in caplog.text
    assert "pip install 'descale[video]'" in caplog.text


def test_pasted_names_find_their_file(tree: Path) -> None:
    (tree / "caf\u00e9.jpg").touch()  # the accent in one letter; asked for as macOS writes it
    assert _names(find_inputs([f"{tree}/cafe\u0301.jpg"]), tree) == ["caf\u00e9.jpg"]
    assert _names(find_inputs([f"{tree}/cafe\u0301*"]), tree) == ["caf\u00e9.jpg"]
    (tree / "my photo.jpg").touch()
    with pytest.raises(DataError, match=r"There is .*my photo\.jpg; name it so"):
        find_inputs([f"file://{tree}/my%20photo.jpg"])
    with pytest.raises(DataError, match=r"did you mean .*a\.jpg"):
        find_inputs([str(tree / "a.jpeg")])


def test_names_follow_the_beginning_of_a_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("s1/1.jpg", "s1/2.jpg", "s2/1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert output_names(find_inputs([f"{tmp_path}/**/*.jpg"]).inputs) == ["s1/1", "s1/2", "s2/1"]
    (tmp_path / "s2" / "1.jpg").unlink()
    assert output_names(find_inputs([f"{tmp_path}/**/*.jpg"]).inputs) == ["s1/1", "s1/2"]
    monkeypatch.chdir(tmp_path / "s2")
    assert output_names(find_inputs(["../*/../s1/1.jpg"]).inputs) == ["1"]


def test_a_photo_is_not_called_as_a_frame_of_a_film_beside_it(tmp_path: Path) -> None:
    (tmp_path / "f.mp4").touch()
    for name in ("f@000000.jpg", "g@000000.jpg"):
        (tmp_path / name).touch()
    inputs = [Input(path, tmp_path) for path in sorted(tmp_path.iterdir())]
    assert output_names(inputs) == ["f", "f@000000_jpg", "g@000000"]


def test_names_follow_the_folder() -> None:
    inputs = [Input(Path("in/x/1.jpg"), Path("in")), Input(Path("in/y/1.jpg"), Path("in"))]
    assert output_names(inputs) == ["x/1", "y/1"]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["x/1.jpg", "y/2.jpg"], ["1", "2"]),
        (["x/1.jpg", "x/1.png"], ["1_jpg", "1_png"]),
        (["x/1.jpg", "y/1.jpg"], ["x_1_jpg", "y_1_jpg"]),
        (["a/x/1.jpg", "b/x/1.jpg"], ["a_x_1_jpg", "b_x_1_jpg"]),
        (["../x/1.jpg", "x/1.jpg", "y/1.jpg"], ["x_1_jpg", "x_1_jpg_2", "y_1_jpg"]),
        (["x/A.jpg", "x/a.jpg"], ["x_A_jpg", "x_a_jpg_2"]),
    ],
)
def test_names_do_not_collide(paths: list[str], names: list[str]) -> None:
    found = output_names([Input(Path(path), None) for path in paths])
    assert found == names
    assert len({name.casefold() for name in found}) == len(found), "some file systems ignore case"


def test_the_current_folder_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "a" / "x.jpg")
    monkeypatch.chdir(tmp_path)
    assert output_names(find_inputs(["."]).inputs) == ["a/x"], "and stays so when another folder is added"
