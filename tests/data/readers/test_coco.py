"""COCO: annotations, categories, run lengths."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.data.readers.writers import FAIR_BOX, HEIGHT, WIDTH, only_mask, write_coco

from descale.base.errors import DataError
from descale.data import load_dataset
from descale.data.source import find_source, list_source


def test_several_polygons_in_one_annotation(tmp_path: Path) -> None:
    two = [[0, 0, 9, 0, 9, 9, 0, 9], [20, 20, 29, 20, 29, 29, 20, 29]]
    write_coco(tmp_path, annotations=[{"id": 1, "image_id": 0, "category_id": 1, "segmentation": two}])
    mask = only_mask(load_dataset(tmp_path))
    assert mask.sum() == 200
    assert mask[5, 5] == mask[25, 25] == 1


def test_run_lengths(tmp_path: Path) -> None:
    counts = [HEIGHT + 2, 5, HEIGHT * WIDTH - HEIGHT - 7]  # five pixels down the second column
    rle = {"size": [HEIGHT, WIDTH], "counts": counts}
    write_coco(tmp_path, annotations=[{"id": 1, "image_id": 0, "category_id": 2, "segmentation": rle}])
    mask = only_mask(load_dataset(tmp_path))
    assert mask.astype(bool).sum() == 5
    assert (mask[2:7, 1] == 3).all()


def test_a_photo_without_annotations_has_no_corrosion(tmp_path: Path) -> None:
    write_coco(tmp_path, annotations=[])
    assert not only_mask(load_dataset(tmp_path)).any()


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ({"category_id": 0, "segmentation": [FAIR_BOX]}, "unknown class 'steel-things'"),
        ({"category_id": 9, "segmentation": [FAIR_BOX]}, "category 9, which the file does not define"),
        (
            {"category_id": 1, "segmentation": [], "bbox": [1, 2, 3, 4]},
            "annotation 1: a box without an outline",
        ),
        ({"category_id": 1}, "a box without an outline"),
        ({"category_id": 1, "segmentation": [[1, 2, 3, 4]]}, "a box without an outline"),
        ({"category_id": 1, "segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "damaged"),
        ({"category_id": 1, "segmentation": {"size": [40, 60], "counts": [5, 5]}}, "add up to 10 pixels"),
        ({"category_id": 1, "segmentation": {"size": [4, 6], "counts": [24]}}, "run lengths for 6 x 4"),
        ({"category_id": 1, "segmentation": {"size": [40, 60], "counts": "~~"}}, "no character"),
        ({"category_id": 1, "segmentation": {"size": [40, 60], "counts": "o" * 40}}, "damaged"),
    ],
)
def test_bad_annotations(tmp_path: Path, annotation: dict[str, Any], message: str) -> None:
    write_coco(tmp_path, annotations=[{"id": 1, "image_id": 0} | annotation])
    with pytest.raises(DataError, match=message):
        only_mask(load_dataset(tmp_path))


def test_annotations_of_images_that_are_not_listed(tmp_path: Path) -> None:
    region = {"category_id": 1, "segmentation": [FAIR_BOX]}
    write_coco(tmp_path, annotations=[region | {"id": i, "image_id": i // 2} for i in range(5)])
    with pytest.raises(DataError, match=r"json: 3 annotations belong .* \(the first: image_id 1\)\. Exp"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("name", ["6b1e-aa", None, 7.5])
def test_an_annotation_may_be_called_anything(tmp_path: Path, name: object) -> None:
    region = {"id": name, "image_id": 0, "category_id": 1}
    write_coco(tmp_path, annotations=[region | {"segmentation": [FAIR_BOX]}])
    assert only_mask(load_dataset(tmp_path)).any()
    write_coco(tmp_path, annotations=[region | {"segmentation": []}])
    with pytest.raises(DataError, match=f"annotation {name}: a box without an outline"):
        only_mask(load_dataset(tmp_path))


def test_a_stated_size_that_is_not_the_photos(tmp_path: Path) -> None:
    write_coco(tmp_path, images=[{"id": 0, "file_name": "a.png", "height": 640, "width": 640}])
    with pytest.raises(DataError, match="states 640 x 640 pixels for a photo of 60 x 40"):
        only_mask(load_dataset(tmp_path))


def test_not_a_coco_file(tmp_path: Path) -> None:
    write_coco(tmp_path)
    for text in ("{", "[]", '{"images": []}'):
        (tmp_path / "train/_annotations.coco.json").write_text(text)
        with pytest.raises(DataError, match="not a COCO annotation file"):
            load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"id": 1, "name"', '"id": 1, "title"', "category 1 has no name"),
        (f'"height": {HEIGHT}', '"height": Infinity', "not a COCO annotation file"),
    ],
)
def test_damaged_files_are_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    write_coco(tmp_path)
    path = tmp_path / "train/_annotations.coco.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DataError, match=message):
        load_dataset(tmp_path)


def test_points_in_pairs_are_one_outline(tmp_path: Path) -> None:
    points = [FAIR_BOX[i : i + 2] for i in range(0, 8, 2)]
    for segmentation in (points, [FAIR_BOX]):
        region = {"id": 1, "image_id": 0, "category_id": 1, "segmentation": segmentation}
        write_coco(tmp_path, annotations=[region])
        assert only_mask(load_dataset(tmp_path)).sum() == 21 * 25


def test_outlines_over_run_lengths_over_outlines(tmp_path: Path) -> None:
    all_of_it = {"size": [HEIGHT, WIDTH], "counts": [0, HEIGHT * WIDTH]}
    shapes = [(1, [FAIR_BOX]), (2, all_of_it), (1, [[0, 0, 9, 0, 9, 9, 0, 9]])]
    annotations = [
        {"id": i, "image_id": 0, "category_id": category, "segmentation": shape}
        for i, (category, shape) in enumerate(shapes)
    ]
    write_coco(tmp_path, annotations=annotations)
    mask = only_mask(load_dataset(tmp_path))
    assert (mask[:10, :10] == 1).all()
    assert (mask[10:] == 3).all()


def test_annotations_of_a_photo_lying_on_its_side_say_why(tmp_path: Path) -> None:
    write_coco(tmp_path, images=[{"id": 0, "file_name": "a.png", "height": WIDTH, "width": HEIGHT}])
    with pytest.raises(DataError, match=r"turned by 90 degrees .* EXIF orientation"):
        only_mask(load_dataset(tmp_path))


def test_one_file_may_serve_all_splits(tmp_path: Path) -> None:
    write_coco(tmp_path)
    (tmp_path / "train/_annotations.coco.json").rename(tmp_path / "all.json")
    content = json.loads((tmp_path / "all.json").read_text())
    for number, name in ((1, "images/b.PNG"), (2, "gone.png")):
        content["images"].append(content["images"][0] | {"id": number, "file_name": name})
    (tmp_path / "all.json").write_text(json.dumps(content))
    (tmp_path / "test").mkdir()
    shutil.copy(tmp_path / "train/a.png", tmp_path / "test/b.png")
    with (tmp_path / "dataset.yaml").open("a") as stream:
        stream.write("labels: all.json\n")
    listing = list_source(find_source(tmp_path))
    assert [pair.image.name for pair in listing.pairs] == ["a.png", "b.png"]
    assert [path.name for path in listing.orphans] == ["gone.png"]


def test_ids_that_stand_twice_are_refused(tmp_path: Path) -> None:
    write_coco(tmp_path)
    path = tmp_path / "train/_annotations.coco.json"
    content = json.loads(path.read_text())
    image, category = content["images"][0], content["categories"][1]
    path.write_text(json.dumps(content | {"images": [image, image | {"file_name": "b.png"}]}))
    with pytest.raises(DataError, match="two images have the id 0"):
        load_dataset(tmp_path)
    other = content["categories"] + [category | {"name": "paint"}]
    path.write_text(json.dumps(content | {"categories": other}))
    with pytest.raises(DataError, match=f"category {category['id']} is called .* and 'paint'"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"images": ' + "[" * 200_000])
def test_brackets_alone_are_no_coco_file(tmp_path: Path, text: str) -> None:
    write_coco(tmp_path)
    (tmp_path / "train/_annotations.coco.json").write_text(text)
    with pytest.raises(DataError, match="not a COCO annotation file"):
        load_dataset(tmp_path)
