"""What real exports get wrong: units, numbers, marks of no label, shapes, byte order marks."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.data.conftest import MakeSet, photo_of

from descale.base.errors import DataError
from descale.data import load_dataset
from descale.data.check import CheckReport, check_dataset

HEIGHT, WIDTH = 40, 60
BOX = ((6.0, 10.0), (31.0, 10.0), (31.0, 30.0), (6.0, 30.0))


def items(report: CheckReport, kind: str) -> tuple[str, ...]:
    return next((found.items for found in report.findings if found.kind == kind), ())


def coco(root: Path, ring: Any, *, stray: bool = False, encoding: str = "utf-8", **changes: Any) -> Path:
    (root / "train").mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo_of(0, (HEIGHT, WIDTH))).save(root / "train/a.png")
    flat = [value for point in ring for value in point]
    content = {
        "images": [{"id": 0, "file_name": "a.png", "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": 1, "name": "corrosion"}],
        "annotations": [
            {"id": 5, "image_id": 0, "category_id": 1, "segmentation": [flat, flat[:4]] if stray else [flat]}
            | changes
        ],
    }
    (root / "train/_annotations.coco.json").write_text(json.dumps(content), encoding=encoding)
    return root


def labelme(root: Path, *, encoding: str = "utf-8", **changes: Any) -> Path:
    (root / "train").mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo_of(0, (HEIGHT, WIDTH))).save(root / "train/a.png")
    shape = {"label": "corrosion", "points": BOX, "shape_type": "polygon"} | changes
    content = {"shapes": [shape], "imageHeight": HEIGHT, "imageWidth": WIDTH}
    (root / "train/a.json").write_text(json.dumps(content), encoding=encoding)
    (root / "dataset.yaml").write_text("format: labelme\n", encoding=encoding)
    return root


def scaled(x: float, y: float) -> list[tuple[float, float]]:
    return [(point[0] * x, point[1] * y) for point in BOX]


def mask_in(root: Path) -> np.ndarray:
    return load_dataset(root).samples[0].read_mask()


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


@pytest.mark.parametrize("kind", ["int32", "float32"])
def test_no_data_is_neither_corrosion_nor_background(make_set: MakeSet, kind: str) -> None:
    root = make_set()
    for path in sorted(root.glob("*/masks/*.png")):
        values = np.array(Image.open(path)).astype(kind)
        values[:8] = -255
        Image.fromarray(values).save(path.with_suffix(".tif"))
        path.unlink()
    with pytest.raises(DataError, match=r"value -255 is outside.*ignore: -255"):
        mask_in(root)
    (root / "dataset.yaml").write_text("ignore: -255\n")
    mask = mask_in(root)
    assert (mask[:8] == 255).all()
    assert set(np.unique(mask[8:])) == {0, 1}
    assert check_dataset(root).ignored == (pytest.approx(8 / 48), 8)


def test_masks_of_floating_point_numbers_are_not_cut_off(make_set: MakeSet) -> None:
    root = make_set()
    path = root / "train/masks/000.png"
    values = np.array(Image.open(path)).astype("float32") / 255
    path.unlink()
    Image.fromarray(values * np.float32(0.97)).save(path.with_suffix(".tif"))
    with pytest.raises(DataError, match=r"no whole numbers \(the largest: 0\.97\)"):
        mask_in(root)
    Image.fromarray(np.where(values > 0, np.nextafter(np.float32(1), np.float32(0)), values)).save(
        path.with_suffix(".tif")
    )
    with pytest.raises(DataError, match=r"no whole numbers \(the largest: 0\.99999994\)"):
        mask_in(root)
    values[:4] = np.nan
    Image.fromarray(values).save(path.with_suffix(".tif"))
    with pytest.raises(DataError, match=r"ignore: \.nan"):
        mask_in(root)
    (root / "dataset.yaml").write_text("ignore: .nan\n")
    assert (mask_in(root)[:4] == 255).all()


@pytest.mark.parametrize("kind", ["uint16", "int32", "float32"])
def test_white_of_more_than_8_bits_is_given_its_meaning_first(make_set: MakeSet, kind: str) -> None:
    root = make_set()
    expected = np.array(Image.open(root / "train/masks/000.png")) // 255
    for path in sorted(root.glob("*/masks/*.png")):
        values = np.array(Image.open(path)).astype(kind) * 257
        Image.fromarray(values).save(path.with_suffix(".tif"))
        path.unlink()
    with pytest.raises(DataError, match=r"white and means corrosion, write 'label_names: \{.*\}'") as caught:
        mask_in(root)
    remedy = str(caught.value).split("write '")[1].split("'")[0]
    assert remedy == "label_names: {0: background, 65535: corrosion}"
    (root / "dataset.yaml").write_text(remedy)
    assert (mask_in(root) == expected).all()


def test_the_remedy_for_a_large_number_is_a_number_in_yaml(make_set: MakeSet) -> None:
    root = make_set(values=(0, 1))
    path = root / "train/masks/000.png"
    values = np.array(Image.open(path)).astype("float32")
    path.unlink()
    values[:8] = 1e20
    Image.fromarray(values).save(path.with_suffix(".tif"))
    with pytest.raises(DataError, match=r"'ignore: 1\.0e\+20'"):
        mask_in(root)
    (root / "dataset.yaml").write_text("ignore: 1.0e+20")
    assert (mask_in(root)[:8] == 255).all()


@pytest.mark.parametrize("form", ["id-masks", "colour-masks"])
def test_an_ignored_class_may_be_written_in_other_case(make_set: MakeSet, form: str) -> None:
    root = make_set(values=(0, 1, 2))
    classes = ["{name: steel, colour: [0, 0, 0]}", "{name: rust, corrosion: true, colour: [1, 1, 1]}"]
    classes.append("{name: Void, colour: [2, 2, 2]}")
    for path in root.glob("*/masks/*.png"):
        if form == "colour-masks":
            Image.open(path).convert("RGB").save(path)
    (root / "dataset.yaml").write_text(f"format: {form}\nignore: VOID\nclasses: [{', '.join(classes)}]\n")
    assert set(np.unique(mask_in(root))) == {0, 1, 255}


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("", "nothing is no"),
        ("yes", r"yes \(true\) is no"),
        ("[255, no]", r"no \(false\) is no"),
        ("0.5", r"0\.5 is no"),
        ("[[300, 0, 0]]", r"\[300, 0, 0\] is no"),
        ("{a: 1}", r"\{'a': 1\} is no"),
    ],
)
def test_what_cannot_be_ignored_gets_one_line(make_set: MakeSet, written: str, named: str) -> None:
    root = make_set()
    (root / "dataset.yaml").write_text(f"name: steel\nignore: {written}\n")
    with pytest.raises(
        DataError, match=rf"dataset\.yaml:2: ignore: {named} pixel value.*or leave the"
    ) as told:
        load_dataset(root)
    assert "\n" not in str(told.value)


def test_the_remedy_for_a_palette_works_for_255_too(make_set: MakeSet) -> None:
    root = make_set()
    for path in root.glob("*/masks/*.png"):
        picture = Image.fromarray(np.array(Image.open(path)), "P")
        picture.putpalette([255, 255, 255] + [0, 0, 0] * 255)
        picture.save(path)
    (found,) = [found for found in check_dataset(root).findings if found.kind == "colours against indices"]
    remedy = found.message.split("meanings: ")[1].removesuffix(".")
    before = mask_in(root)
    (root / "dataset.yaml").write_text(remedy)
    assert (mask_in(root) == 1 - before).all()


def test_255_beside_0_and_1_suggests_to_ignore_it(make_set: MakeSet) -> None:
    root = make_set(values=(0, 1, 255))
    with pytest.raises(DataError, match=r"write 'ignore: 255' in dataset\.yaml"):
        mask_in(root)
    (root / "dataset.yaml").write_text("ignore: 255\n")
    assert set(np.unique(mask_in(root))) == {0, 1, 255}
    assert 255 in load_dataset(root, binary=True).samples[0].read_mask()


def test_1_in_some_masks_and_255_in_others_is_warned_about(make_set: MakeSet) -> None:
    root = make_set()
    path = root / "train/masks/000.png"
    Image.fromarray(np.array(Image.open(path)) // 255).save(path)
    found = next(f for f in check_dataset(root).findings if f.kind == "two encodings of one class")
    assert "Corrosion is 1 in 1 masks and 255 in 7" in found.message


@pytest.mark.parametrize(
    "told",
    ["ignore: 255", "ignore: [254, 255]", "label_names: {0: background, 1: corrosion, 255: corrosion}"],
)
def test_what_the_description_says_of_255_is_not_asked_again(make_set: MakeSet, told: str) -> None:
    root = make_set(values=(0, 1))
    mask = root / "train/masks/000.png"
    Image.fromarray(np.asarray(Image.open(mask)) * np.uint8(255)).save(mask)
    (root / "dataset.yaml").write_text("name: steel\n")
    assert "two encodings of one class" in {f.kind for f in check_dataset(root).findings}
    (root / "dataset.yaml").write_text(f"{told}\n")
    assert "two encodings of one class" not in {f.kind for f in check_dataset(root).findings}


def test_three_values_can_be_ignored(make_set: MakeSet) -> None:
    root = make_set(values=(0, 1, 253, 254, 255))
    (root / "dataset.yaml").write_text("ignore: [253, 254, 255]\n")
    assert set(np.unique(load_dataset(root).samples[0].read_mask())) == {0, 1, 255}
    (root / "dataset.yaml").write_text("ignore: [255, 255, 255]\n")
    with pytest.raises(DataError, match=r"\[255, 255, 255\] is a colour, and only colour masks"):
        load_dataset(root)


def test_a_colour_and_a_class_can_be_ignored(make_set: MakeSet) -> None:
    root = make_set()
    for path in sorted(root.glob("*/masks/*.png")):
        grey = np.array(Image.open(path))
        Image.fromarray(np.dstack([grey, grey, grey])).save(path)
    (root / "dataset.yaml").write_text("format: colour-masks\nignore: [255, 255, 255]\n")
    assert set(np.unique(mask_in(root))) == {0, 255}
    (root / "dataset.yaml").write_text(
        "format: colour-masks\nignore: unsure\nclasses:\n  - {name: steel, colour: [0, 0, 0]}\n"
        "  - {name: rust, colour: [9, 9, 9], corrosion: true}\n  - {name: unsure, colour: [255, 255, 255]}\n"
    )
    assert set(np.unique(mask_in(root))) == {0, 255}
    assert load_dataset(root).classes.names == ("steel", "rust")


def test_a_palette_that_shows_the_opposite_is_warned_about(make_set: MakeSet) -> None:
    root = make_set(values=(0, 1))
    path = root / "train/masks/000.png"
    picture = Image.fromarray(np.array(Image.open(path)), "P")
    picture.putpalette([255, 255, 255, 0, 0, 0])
    picture.save(path)
    (item,) = items(check_dataset(root), "colours against indices")
    assert item == f"{path}: index 0 is shown white, the others black"


def test_splits_without_corrosion_are_told(make_set: MakeSet) -> None:
    root = make_set()
    for path in root.glob("valid/masks/*.png"):
        Image.new("L", (64, 48)).save(path)
    assert items(check_dataset(root), "nothing to judge") == ("valid",)


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


def test_a_stray_outline_of_two_points_is_left_out_and_told(tmp_path: Path) -> None:
    report = check_dataset(coco(tmp_path, BOX, stray=True))
    assert items(report, "outline without an area")[0].endswith("annotation 5: 1 of fewer than 3 points")
    assert (mask_in(tmp_path) == 1).sum() == 26 * 21


def test_byte_order_marks_are_no_part_of_the_text(tmp_path: Path) -> None:
    assert mask_in(coco(tmp_path / "coco", BOX, encoding="utf-8-sig")).any()
    assert mask_in(labelme(tmp_path / "labelme", encoding="utf-8-sig")).any()
    root = tmp_path / "yolo"
    for folder in ("images", "labels"):
        (root / "train" / folder).mkdir(parents=True)
    Image.fromarray(photo_of(0, (HEIGHT, WIDTH))).save(root / "train/images/a.png")
    for encoding in ("utf-8-sig", "utf-16"):
        (root / "train/labels/a.txt").write_text("0 0 0 1 0 1 1\n", encoding=encoding)
        (root / "data.yaml").write_text("names: [corrosion]\n", encoding=encoding)
        assert mask_in(root).any()
