"""Which files a command line means, and what their outputs are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from descale.base.errors import DataError
from descale.prediction.inputs import Found, Input, find_inputs, output_names


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
    found = output_names([Input(Path(path), Path()) for path in paths])
    assert found == names
    assert len({name.casefold() for name in found}) == len(found), "some file systems ignore case"
