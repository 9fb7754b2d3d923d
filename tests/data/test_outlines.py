"""Outlines as exports have them: units, boxes, lines and strays, shapes of labelme."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.data.conftest import BOX, HEIGHT, WIDTH, coco, items, labelme, mask_in, photo_of

from descale.base.errors import DataError
from descale.data.check import check_dataset


def scaled(x: float, y: float) -> list[tuple[float, float]]:
    return [(point[0] * x, point[1] * y) for point in BOX]


@pytest.mark.parametrize(
    "write", [coco, lambda root, ring: labelme(root, points=ring)], ids=["coco", "labelme"]
)
@pytest.mark.parametrize(
    ("factors", "unit"),
    [
        ((1 / WIDTH, 1 / HEIGHT), "shares of width and height"),
        ((100 / WIDTH, 100 / HEIGHT), "percent of width and height"),
        ((40, 40), "pixels of a larger picture"),
    ],
)
def test_outlines_in_another_unit_are_refused_by_name(
    tmp_path: Path, write: Any, factors: tuple[float, float], unit: str
) -> None:
    write(tmp_path, scaled(*factors))
    with pytest.raises(DataError, match=rf"(annotation 5|polygon 'corrosion').*{unit}.*in pixels of"):
        mask_in(tmp_path)
    assert items(check_dataset(tmp_path), "outlines in another unit")


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ({"segmentation": [[1, 1, 20, 20]]}, "1 of fewer than 3 points"),
        ({"segmentation": [[1, 1, 20, 20]], "bbox": [1, 1, 19, 19]}, "1 of fewer than 3 points"),
        ({"segmentation": [[1, 1, 20, 20, 10.5, 10.5], [3, 3]]}, "1 of fewer than 3 points and 1 on a line"),
        ({"segmentation": [], "bbox": [1, 1, 0, 0]}, "no outline and no box"),
        ({}, "no outline and no box"),
        ({"segmentation": [], "bbox": [1, 1, 9, 9]}, None),
        ({"segmentation": [[1, 1]], "bbox": [1, 1, 9, 9]}, None),
        ({"segmentation": [[]], "bbox": [1, 1, 9, 9]}, None),
    ],
)
def test_a_stray_annotation_beside_a_good_one(
    tmp_path: Path, second: dict[str, Any], told: str | None
) -> None:
    path = coco(tmp_path, BOX) / "train/_annotations.coco.json"
    content = json.loads(path.read_text())
    content["annotations"].append({"id": 6, "image_id": 0, "category_id": 1} | second)
    path.write_text(json.dumps(content))
    if told is None:
        with pytest.raises(DataError, match="annotation 6: a box without an outline"):
            mask_in(tmp_path)
        return
    assert items(check_dataset(tmp_path), "outline without an area") == (f"{path}: annotation 6: {told}",)
    assert (mask_in(tmp_path) == 1).sum() == 26 * 21
    content["annotations"] = content["annotations"][1:]
    path.write_text(json.dumps(content))
    if "on a line" in told:  # which is an outline, if a poor one
        assert not mask_in(tmp_path).any()
        return
    with pytest.raises(DataError, match="annotation 6: a box without an outline"):
        mask_in(tmp_path)


def test_outlines_on_one_line_are_left_out_and_told(tmp_path: Path) -> None:
    told = items(check_dataset(coco(tmp_path / "coco", [(3, 3), (9, 9), (6, 6)])), "outline without an area")
    assert [text.rsplit(": ", 1)[1] for text in told] == ["1 on a line"]
    assert not mask_in(tmp_path / "coco").any()
    root = tmp_path / "yolo"
    for folder in ("images", "labels"):
        (root / "train" / folder).mkdir(parents=True)
    Image.fromarray(photo_of(0, (HEIGHT, WIDTH))).save(root / "train/images/a.png")
    (root / "train/labels/a.txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.5\n0 1 0.1 1 0.5 1 0.9\n")
    (root / "data.yaml").write_text("names: [corrosion]\n")
    (item,) = items(check_dataset(root), "outline without an area")
    assert item == f"{root / 'train/labels/a.txt'}:2: all points on one line"
    assert not mask_in(root)[:, -1].any()


def test_a_stray_outline_of_two_points_is_left_out_and_told(tmp_path: Path) -> None:
    report = check_dataset(coco(tmp_path, BOX, stray=True))
    assert items(report, "outline without an area")[0].endswith("annotation 5: 1 of fewer than 3 points")
    assert (mask_in(tmp_path) == 1).sum() == 26 * 21


def test_a_stray_outline_may_reach_to_the_edge_of_the_box(tmp_path: Path) -> None:
    flat = [value for point in BOX for value in point]
    coco(tmp_path, BOX, segmentation=[flat, [40, 5, 50, 35]], bbox=[6, 5, 44, 30])
    assert (mask_in(tmp_path) == 1).sum() == 26 * 21


@pytest.mark.parametrize("factor", [0.6, 0.8, 1.2])
def test_outlines_that_contradict_their_box_are_refused(tmp_path: Path, factor: float) -> None:
    coco(tmp_path, scaled(factor, factor), bbox=[6, 10, 25, 20])
    with pytest.raises(
        DataError, match=r"annotation 5: the outlines span .* 'bbox' \(6, 10\) to \(31, 30\)\. "
    ):
        mask_in(tmp_path)
    assert items(check_dataset(tmp_path), "outlines in another unit")


@pytest.mark.parametrize(
    "box",
    [
        [6, 10, 25, 20], [7.9, 8.1, 24, 21], [6, 10, 31, 30], [0, 0, 0, 0], [1, 1, 0, 5], [-1, -1, -1, -1],
        [], [1, 2], None, "6 10 25 20", ["a", 1, 2, 3], [6, float("nan"), 25, 20],
    ],
)  # fmt: skip
def test_boxes_that_agree_or_say_nothing_are_no_contradiction(tmp_path: Path, box: object) -> None:
    assert (mask_in(coco(tmp_path, BOX, bbox=box)) == 1).sum() == 26 * 21


def test_a_box_cut_off_at_the_edge_agrees_with_an_outline_beyond_it(tmp_path: Path) -> None:
    beyond = ((-2, -2), (62, -2), (62, 41), (-2, 41))
    assert mask_in(coco(tmp_path, beyond, bbox=[0, 0, 60, 40])).all()


def test_the_check_says_how_much_of_the_photos_the_outlines_use(tmp_path: Path) -> None:
    report = check_dataset(coco(tmp_path, BOX))
    assert report.outlines == pytest.approx((31 / WIDTH, 30 / HEIGHT))


def test_outlines_that_never_leave_a_corner_are_told(tmp_path: Path) -> None:
    labelme(tmp_path, points=scaled(0.4, 0.4))
    text = (tmp_path / "train/a.json").read_text()
    for number in range(5):
        Image.fromarray(photo_of(number + 1, (HEIGHT, WIDTH))).save(tmp_path / f"train/{number}.png")
        (tmp_path / f"train/{number}.json").write_text(text)
    report = check_dataset(tmp_path)
    assert "outlines in one corner" in [found.kind for found in report.falsifying]
    assert items(report, "outlines in one corner")[0].startswith("train: 6 photos use 21% of the width")


def stamp() -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.eye(4, dtype=bool)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize(
    ("changes", "pixels"),
    [
        ({"shape_type": "mask", "points": [[10, 5], [13, 8]], "mask": stamp()}, 4),
        ({"shape_type": "rectangle"}, 26 * 21),
        ({"shape_type": "rotation", "direction": 0.0}, 26 * 21),
        ({"label": "_background_"}, 0),
    ],
    ids=["mask", "rectangle of four", "rotation", "background"],
)
def test_labelme_shapes_have_an_area(tmp_path: Path, changes: dict[str, Any], pixels: int) -> None:
    mask = mask_in(labelme(tmp_path, **changes))
    assert (mask == 1).sum() == pixels
    if "mask" in changes:
        assert mask[5, 10] == mask[8, 13] == 1


def test_labelmes_own_mark_to_ignore(tmp_path: Path) -> None:
    assert (mask_in(labelme(tmp_path, label="__ignore__")) == 255).sum() == 26 * 21


def test_the_remedy_for_an_unknown_name_fills_no_class_in(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"label_names: \{'shadow': CLASS\}.*or 'ignore: 'shadow''"):
        mask_in(labelme(tmp_path, label="shadow"))
