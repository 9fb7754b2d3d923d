"""Folders that are laid out otherwise are named, with lines that work when they are copied."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.data.conftest import photo_of

from descale.base.errors import DataError
from descale.data import load_dataset
from descale.data.check import check_dataset

OUTLINE = [4, 4, 24, 4, 24, 24, 4, 24]


def write(root: Path, images: str, labels: str, splits: tuple[str, ...] = ("train", "val", "test")) -> Path:
    """Two photos for each split, labelled in the format that the ending of ``labels`` says."""
    for number, split in enumerate(splits):
        folder, place = root / images.format(split=split), root / labels.format(split=split)
        folder.mkdir(parents=True, exist_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        listed, drawn = [], []
        for photo in (2 * number, 2 * number + 1):
            Image.fromarray(photo_of(photo)).save(folder / f"p{photo}.jpg")
            where = Path(str(place).replace("*", f"p{photo}"))
            where.parent.mkdir(parents=True, exist_ok=True)
            if where.suffix == ".txt":
                where.write_text("0 " + " ".join(str(x / 64) for x in OUTLINE))
            elif where.suffix == ".png":
                Image.fromarray(np.eye(48, 64, dtype=np.uint8)).save(where)
            listed.append({"id": photo, "file_name": f"p{photo}.jpg", "width": 64, "height": 48})
            drawn.append({"id": photo, "image_id": photo, "category_id": 1, "segmentation": [OUTLINE]})
        if place.suffix == ".json":
            categories = [{"id": 1, "name": "corrosion"}]
            content = {"images": listed, "annotations": drawn, "categories": categories}
            place.write_text(json.dumps(content))
    if labels.endswith(".txt"):
        (root / "data.yaml").write_text("names: [corrosion]\n")
    return root


LAYOUTS = [
    ("images/{split}", "labels/{split}/*.txt"),
    ("images/{split}2017", "labels/{split}2017/*.txt"),
    ("{split}2017", "annotations/instances_{split}2017.json"),
    ("images/{split}2017", "annotations/instances_{split}2017.json"),
    ("img_dir/{split}", "ann_dir/{split}/*.png"),
    ("images/{split}", "annotations/{split}/*.png"),
    ("{split}/image", "{split}/mask/*.png"),
    ("{split}_images", "{split}_masks/*.png"),
    ("images", "masks/*.png"),
]


@pytest.mark.parametrize(("images", "labels"), LAYOUTS)
def test_the_lines_that_are_proposed_work_when_copied(tmp_path: Path, images: str, labels: str) -> None:
    root = write(tmp_path / "steel", images, labels)
    with pytest.raises(DataError, match="no photos found") as caught:
        load_dataset(root)
    lines = re.findall(r"'((?:format|images|labels): .*?)'", str(caught.value))
    assert (root / images.format(split="train")).as_posix() in str(caught.value)
    (root / "dataset.yaml").write_text("\n".join([*lines, "groups: {rule: name}"]))
    dataset = load_dataset(root)
    assert len(dataset) == 6
    assert dataset.samples[0].read_mask().any()


def test_lines_that_a_description_has_already_are_to_be_replaced(tmp_path: Path) -> None:
    write(tmp_path, "images/{split}", "labels/{split}/*.txt")
    (tmp_path / "dataset.yaml").write_text("format: yolo\n")
    with pytest.raises(DataError, match=r"into .*/dataset\.yaml, in place of what it says of them"):
        load_dataset(tmp_path)


def test_without_a_folder_of_photos_the_usual_layout_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    with pytest.raises(DataError, match=r"Usual are \{split\}/images and .*docs/data\.md"):
        load_dataset(tmp_path)


def test_splits_in_capital_letters_are_to_be_renamed(tmp_path: Path) -> None:
    write(tmp_path, "{split}/images", "{split}/masks/*.png", ("Train", "Val", "Test"))
    with pytest.raises(DataError, match=r"There is .*/Train/images: rename it to train/images"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("split", "there", "meant"),
    [
        ("train", "Train/images", "train/images"),
        ("train", "train/Images", "train/images"),
        ("valid", "dev/images", "valid/images"),
    ],
)
def test_the_folder_that_an_empty_split_may_mean_is_named(
    tmp_path: Path, split: str, there: str, meant: str
) -> None:
    write(tmp_path, "{split}/images", "{split}/masks/*.png", ("train", "valid", "test"))
    kept = tmp_path / "kept"
    (tmp_path / meant).rename(kept)
    (tmp_path / there).parent.mkdir(exist_ok=True)
    kept.rename(tmp_path / there)
    found = next(one for one in check_dataset(tmp_path).findings if one.kind == "empty split")
    told = f"There are photos in {tmp_path / there}: if they are meant, rename it to {tmp_path / meant}."
    assert found.items == (split,)
    assert found.message.endswith(told)
    if split == "train":
        with pytest.raises(DataError, match=re.escape(told)):
            load_dataset(tmp_path)


def test_labels_of_another_format_than_the_description_says_are_named(tmp_path: Path) -> None:
    write(tmp_path, "images/{split}", "labels/{split}/*.txt")
    described = "images: images/{split}\nlabels: labels/{split}\n"
    (tmp_path / "dataset.yaml").write_text(described)
    told = r"labels/train holds no masks but \.txt files: write 'format: yolo'"
    with pytest.raises(DataError, match=told):
        load_dataset(tmp_path)
    found = next(one for one in check_dataset(tmp_path).findings if one.kind == "photo without label")
    assert re.search(told, found.message)
    (tmp_path / "dataset.yaml").write_text(f"format: yolo\n{described}")
    assert len(load_dataset(tmp_path)) == 6
