"""Photos and frames to predict on, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from descale.base.errors import DataError
from descale.prediction.inputs import Input, find_inputs
from descale.prediction.sources import PhotoSource, UnreadSource, count_sources, first_size, iterate_sources


def test_size_of_the_first_photo_that_will_be_taken(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"not a photo")
    for name, size in (("1.png", (400, 300)), ("2.png", (60, 30)), ("3.png", (50, 20))):
        Image.new("RGB", size).save(tmp_path / name)
    inputs = find_inputs([str(tmp_path)]).inputs
    assert first_size(inputs, 1.0, 10_000) == (30, 60)  # the first is refused for its size
    assert first_size(inputs, 0.5, 10**6) == (150, 200)
    assert first_size(inputs, 0.001, 10**6) == (1, 1)
    assert first_size([Input(Path("-"), None), *inputs], 1.0, 10**6) == (1, 1)


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
    inputs = find_inputs([str(path)]).inputs
    assert count_sources(inputs, 10) == 3
    sources = list(iterate_sources(inputs, 10))
    assert [source.name for source in sources] == ["clip@000000", "clip@000010", "clip@000020"]
    picture = sources[2].open(1.0, 0, 10**9)
    assert (picture.height, picture.width) == (48, 64)
    assert abs(int(picture.region(0, 48, 0, 64).mean()) - 200) < 8


def test_broken_video_is_an_item_not_an_end(tmp_path: Path) -> None:
    pytest.importorskip("av")
    (tmp_path / "quay: north").mkdir()
    (tmp_path / "quay: north" / "bad.mp4").write_bytes(b"nothing")
    (tmp_path / "a.jpg").touch()
    first, second = iterate_sources(find_inputs([str(tmp_path)]).inputs, 1)
    assert first.name == "a"
    assert isinstance(second, UnreadSource)
    assert second.origin == str(tmp_path / "quay: north" / "bad.mp4")
    assert "bad.mp4" in str(second.error)


@pytest.mark.parametrize(("ending", "held"), [("jpg", 300 * 400 // 4), ("png", 300 * 400)])
def test_what_waits_in_memory_is_known_before_it_is_decoded(tmp_path: Path, ending: str, held: int) -> None:
    Image.new("RGB", (400, 300)).save(tmp_path / f"a.{ending}")
    (source,) = iterate_sources(find_inputs([str(tmp_path)]).inputs, 1)
    assert isinstance(source, PhotoSource)
    assert source.pixels(0.5, 0, 10**6) == held
    with pytest.raises(DataError, match="megapixels"):
        source.pixels(0.5, 0, 1000)
