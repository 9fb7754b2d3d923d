"""labelme: frames, shapes, names."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.data.readers.writers import FAIR_BOX, HEIGHT, WIDTH, expected_mask, only_mask, shape, write_labelme

from descale.base.errors import DataError
from descale.data import load_dataset


def test_outlines_are_scaled_from_their_frame(tmp_path: Path) -> None:
    write_labelme(tmp_path, scale=(4, 3))
    agreement = (only_mask(load_dataset(tmp_path)) == expected_mask()).mean()
    assert agreement > 0.95


def test_rectangles_and_circles(tmp_path: Path) -> None:
    box = {"label": "poor", "points": [[2, 3], [11, 8]], "shape_type": "rectangle"}
    circle = {"label": "severe", "points": [[40, 20], [40, 30]], "shape_type": "circle"}
    write_labelme(tmp_path, shapes=[box, circle])
    mask = only_mask(load_dataset(tmp_path))
    assert (mask == 2).sum() == 60
    assert abs((mask == 3).sum() - np.pi * 100) < 35


def test_no_shapes_is_no_corrosion(tmp_path: Path) -> None:
    write_labelme(tmp_path, shapes=[])
    assert not only_mask(load_dataset(tmp_path)).any()


def broken_png() -> str:
    """A picture whose first piece of pixels says that it is shorter than it is."""
    stream = io.BytesIO()
    Image.effect_noise((10, 10), 90).save(stream, "PNG")
    content = stream.getvalue()
    at = content.index(b"IDAT") - 4
    length = int.from_bytes(content[at : at + 4], "big")
    return base64.b64encode(content[:at] + (length - 9).to_bytes(4, "big") + content[at + 4 :]).decode()


BROKEN_PNG = broken_png()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": "5_Terrible"}, r"a\.json: unknown class '5_Terrible'"),
        ({"shape_type": "line"}, "a 'line' of 4 points called 'fair' has no area"),
        ({"points": [[1, 1], [2, 2]]}, "a 'polygon' of 2 points called 'fair' has no area"),
        ({"points": [[1, 1], [9, 9], [5, 5]]}, "a 'polygon' of 3 points called 'fair' has no area"),
        ({"shape_type": "rectangle", "points": [[1, 1], [1, 9]]}, "a 'rectangle' of 2 .* has no area"),
        ({"shape_type": "circle", "points": [[9, 9], [9, 9]]}, "a 'circle' of 2 .* has no area"),
        (
            {"shape_type": "ellipse"},
            r"an? 'ellipse' of 4 .* of a kind that is not read \(.*polygon, circle",
        ),
        ({"shape_type": "cuboid"}, "a 'cuboid' of 4 .* of a kind that is not read"),
        ({"shape_type": "circle"}, "a 'circle' of 4 points called 'fair' should have 2 points"),
        ({"shape_type": "rotation", "points": [[1, 1], [5, 9]]}, "should have 4 points"),
        ({"points": [[1], [2], [3]]}, "damaged"),
        ({"points": [[1, 1], [2, float("nan")], [3, 1]]}, "damaged"),
        ({"points": [[1, 1], [2, 1e30], [3, 1]]}, "damaged"),
        ({"shape_type": "mask", "points": [[0, 0], [9, 9]], "mask": BROKEN_PNG}, "a shape is damaged"),
        (
            {"shape_type": "mask", "points": [[0, 0], [9, 9]], "mask": "bm8gcGljdHVyZQ=="},
            "a shape is damaged",
        ),
    ],
)
def test_bad_shapes(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_labelme(tmp_path, shapes=[shape("fair", FAIR_BOX, **changes)])
    with pytest.raises(DataError, match=message):
        only_mask(load_dataset(tmp_path))


@pytest.mark.parametrize("kind", ["Polygon", "POLYGON", "Rectangle", ""])
def test_kinds_in_other_case(tmp_path: Path, kind: str) -> None:
    write_labelme(tmp_path, shapes=[shape("fair", FAIR_BOX, shape_type=kind)])
    assert (only_mask(load_dataset(tmp_path)) == 1).sum() == 25 * 21


def test_a_frame_turned_by_exif(tmp_path: Path) -> None:
    write_labelme(tmp_path)
    path = tmp_path / "train/a.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"imageHeight": WIDTH, "imageWidth": HEIGHT}))
    with pytest.raises(DataError, match="turned by 90 degrees"):
        only_mask(load_dataset(tmp_path))


def test_not_a_labelme_file(tmp_path: Path) -> None:
    write_labelme(tmp_path)
    for text in ("{}", '{"imageHeight": Infinity, "shapes": []}'):
        (tmp_path / "train/a.json").write_text(text)
        with pytest.raises(DataError, match="not a labelme file"):
            only_mask(load_dataset(tmp_path))
