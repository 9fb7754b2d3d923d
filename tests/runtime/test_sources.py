"""Which files a command line means, and what their outputs are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from descale.errors import DataError
from descale.runtime.sources import (
    Input,
    count_sources,
    find_inputs,
    first_size,
    iterate_sources,
    output_names,
)


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


def _names(inputs: list[Input], root: Path) -> list[str]:
    return [item.path.relative_to(root).as_posix() for item in inputs]


def test_folder_is_searched_without_outputs_and_hidden_files(tree: Path) -> None:
    assert _names(find_inputs([str(tree)], exclude=tree / "out"), tree) == ["a.jpg", "b.PNG", "sub/c.tif"]


def test_patterns(tree: Path) -> None:
    assert _names(find_inputs([f"{tree}/*.jpg"]), tree) == ["a.jpg"]
    assert _names(find_inputs([f"{tree}/**/c.*"]), tree) == ["sub/c.tif"]


def test_each_file_once(tree: Path) -> None:
    assert len(find_inputs([str(tree / "a.jpg"), str(tree / "a.jpg"), f"{tree}/a.*"])) == 1


@pytest.mark.parametrize(
    ("argument", "message"),
    [("nothing.jpg", "no such file"), ("*.bmp", "no photo or video matches"), ("empty", "without photos")],
)
def test_nothing_there(tree: Path, argument: str, message: str) -> None:
    (tree / "empty").mkdir()
    with pytest.raises(DataError, match=message):
        find_inputs([str(tree / argument)])


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


def test_size_of_the_first_photo_that_will_be_taken(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"not a photo")
    for name, size in (("1.png", (400, 300)), ("2.png", (60, 30)), ("3.png", (50, 20))):
        Image.new("RGB", size).save(tmp_path / name)
    inputs = find_inputs([str(tmp_path)])
    assert first_size(inputs, 1.0, 10_000) == (30, 60)  # the first is refused for its size
    assert first_size(inputs, 0.5, 10**6) == (150, 200)
    assert first_size(inputs, 0.001, 10**6) == (1, 1)
    assert first_size([Input(Path("-"), Path()), *inputs], 1.0, 10**6) == (1, 1)


def test_video_frames(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    import numpy as np

    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 10 * number, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    inputs = find_inputs([str(path)])
    assert count_sources(inputs, 10) == 3
    sources = list(iterate_sources(inputs, 10))
    assert [source.name for source in sources] == ["clip@000000", "clip@000010", "clip@000020"]
    picture = sources[2].open(1.0, 0, 10**9)
    assert (picture.height, picture.width) == (48, 64)
    assert abs(int(picture.region(0, 48, 0, 64).mean()) - 200) < 8


def test_broken_video_is_an_item_not_an_end(tmp_path: Path) -> None:
    pytest.importorskip("av")
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    (tmp_path / "a.jpg").touch()
    first, second = iterate_sources(find_inputs([str(tmp_path)]), 1)
    assert first.name == "a"
    assert isinstance(second, DataError)
    assert "bad.mp4" in str(second)
