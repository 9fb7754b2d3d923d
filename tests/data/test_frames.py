"""Frames that labelme files state: smaller than the photo, of shares, of other proportions."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.data.conftest import mask_in, photo_of

from descale.base.errors import DataError
from descale.data.check import check_dataset

HEIGHT, WIDTH = 120, 180
BOX = ((30, 20), (119, 20), (119, 79), (30, 79))


def in_frame(root: Path, frame: tuple[int, int], **changes: Any) -> Path:
    """A photo of 180 x 120 with a box of 90 x 60 drawn in a frame of this height and width."""
    (root / "train").mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo_of(0, (HEIGHT, WIDTH))).save(root / "train/a.png")
    points = [(x * frame[1] / WIDTH, y * frame[0] / HEIGHT) for x, y in BOX]
    shape = {"label": "corrosion", "points": points, "shape_type": "polygon"} | changes
    content = {"shapes": [shape], "imageHeight": frame[0], "imageWidth": frame[1]}
    (root / "train/a.json").write_text(json.dumps(content))
    (root / "dataset.yaml").write_text("format: labelme\n")
    return root


def warned(root: Path) -> tuple[str, ...]:
    return next((f.items for f in check_dataset(root).findings if f.kind == "frame of another shape"), ())


@pytest.mark.parametrize("frame", [(1, 1), (3, 3), (10, 15), (60, 90), (119, 181), (120, 180)])
def test_a_frame_smaller_than_the_photo_gives_no_blocks(tmp_path: Path, frame: tuple[int, int]) -> None:
    expected = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    expected[20:80, 30:120] = 1
    assert (mask_in(in_frame(tmp_path, frame)) == expected).mean() > 0.99


def test_the_stamp_of_an_ai_mask_is_enlarged_with_its_frame(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.array([[True, False], [True, True]])).save(buffer, "PNG")
    stamp = base64.b64encode(buffer.getvalue()).decode()
    mask = mask_in(in_frame(tmp_path, (12, 18), shape_type="mask", points=[[4, 2], [5, 3]], mask=stamp))
    expected = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    expected[20:40, 40:60] = 1
    expected[20:30, 50:60] = 0
    assert (mask == expected).all()


def test_pixels_in_a_frame_of_one_by_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"reaches to \(1\.5, 1\), beyond the 1 x 1 pixels"):
        mask_in(in_frame(tmp_path, (1, 1), points=[[0, 0], [1.5, 0], [1, 1]]))


@pytest.mark.parametrize("frame", [(20_000, 20_000), (1, 9_000_000)])
def test_a_frame_that_no_picture_has_is_refused_before_it_is_drawn(
    tmp_path: Path, frame: tuple[int, int]
) -> None:
    with pytest.raises(DataError, match=rf"a\.json: the frame is {frame[1]} x {frame[0]}\. Save it again"):
        mask_in(in_frame(tmp_path, frame, points=[[0, 0], [1, 0], [1, 1]]))


def test_a_frame_of_other_proportions_is_warned_about(tmp_path: Path) -> None:
    (item,) = warned(in_frame(tmp_path, (3000, 4000)))
    assert item == f"{tmp_path / 'train/a.json'}: 4000 x 3000 for a photo of 180 x 120"
    for frame in ((1, 1), (2, 3), (7, 10), (1000, 1500), (1000, 1520)):
        assert not warned(in_frame(tmp_path, frame))
