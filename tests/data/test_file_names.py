"""Names as platforms, systems and people write them: paired, or told what differs."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from tests.data.conftest import MakeSet

from descale.base.errors import DataError
from descale.data import load_dataset
from descale.data.check import check_dataset

HEIGHT, WIDTH = 20, 30
BOX = [4, 5, 14, 5, 14, 15, 4, 15]


def coco(root: Path, names: dict[str, str]) -> Path:
    """Photos by their names on disk, and the name that the annotation file has for each."""
    (root / "train").mkdir(parents=True)
    images, annotations = [], []
    for number, (name, stated) in enumerate(names.items()):
        Image.new("RGB", (WIDTH, HEIGHT), (90, 20 * number, 30)).save(root / "train" / name)
        images.append({"id": number, "file_name": stated, "height": HEIGHT, "width": WIDTH})
        annotations.append({"id": number, "image_id": number, "category_id": 1, "segmentation": [BOX]})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "corrosion"}]}
    (root / "train/_annotations.coco.json").write_text(json.dumps(content), encoding="utf-8")
    return root


@pytest.mark.parametrize(
    "stated",
    [
        lambda name: name,
        lambda name: f"images\\{name}",
        lambda name: f"..\\..\\media\\upload\\4\\{name}",
        lambda name: f"images/{name}",
        quote,
        lambda name: f"https://host.example/data/{quote(name)}",
        lambda name: f"https://host.example/data/{quote(name)}?sig=a/b#top",
        lambda name: unicodedata.normalize("NFD", name),
        lambda name: name.replace(".png", ".PNG"),
    ],
)
def test_a_photo_is_found_however_its_name_is_written(tmp_path: Path, stated: Callable[[str], str]) -> None:
    names = [unicodedata.normalize("NFC", f"Brücke {number}.png") for number in range(3)]
    dataset = load_dataset(coco(tmp_path, {name: stated(name) for name in names}))
    assert [sample.image.name for sample in dataset.samples] == names
    for sample in dataset.samples:
        assert 90 < sample.read_mask().sum() < 130


def test_a_name_that_is_there_as_it_is_written_comes_first(tmp_path: Path) -> None:
    dataset = load_dataset(coco(tmp_path, {"a%20b.png": "a%20b.png", "a b.png": "a b.png"}))
    assert len(dataset.samples) == 2


def test_two_images_for_one_photo_are_refused(tmp_path: Path) -> None:
    coco(tmp_path, {"a.png": "north/a.png", "b.png": "south/a.png"})
    with pytest.raises(DataError, match=r"another image are both for the photo a\.png"):
        load_dataset(tmp_path)


def masks(root: Path, photo: str, mask: str) -> Path:
    for kind, name in (("images", photo), ("masks", mask)):
        (root / "train" / kind).mkdir(parents=True)
        Image.fromarray(np.full((HEIGHT, WIDTH), 1, np.uint8)).save(root / "train" / kind / name)
    return root


def test_accents_may_be_composed_in_one_folder_and_not_in_the_other(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "Brücke.png") for form in ("NFC", "NFD"))
    assert composed != apart
    assert len(load_dataset(masks(tmp_path, composed, apart)).samples) == 1


def test_splits_inside_the_folder_of_the_photos_are_pointed_out(tmp_path: Path) -> None:
    masks(tmp_path / "usual", "a.png", "a.png")
    for kind in ("images", "masks"):
        (tmp_path / "turned" / kind).mkdir(parents=True)
        shutil.copytree(tmp_path / "usual" / "train" / kind, tmp_path / "turned" / kind / "train")
    with pytest.raises(DataError, match=r"write 'images: images/\{split\}'"):
        load_dataset(tmp_path / "turned")
    (tmp_path / "turned" / "dataset.yaml").write_text(
        "format: id-masks\nimages: images/{split}\nlabels: masks/{split}\n"
    )
    assert len(load_dataset(tmp_path / "turned").samples) == 1


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    masks(tmp_path / "set", "a.png", "a.png")
    (tmp_path / "elsewhere.yaml").write_text("format: id-masks\nroot: ~/set\n")
    assert len(load_dataset("~/set").samples) == 1
    assert len(load_dataset(tmp_path / "elsewhere.yaml").samples) == 1


@pytest.mark.parametrize(
    ("photo", "label", "told"),
    [
        ("Wall 1.png", "wall 1.png", "(nearest: wall 1.png, other in capital letters)"),
        ("wall 1.png", "wall_1.png", "(nearest: wall_1.png, other in spaces or marks)"),
        ("wall-001.png", "wall-1.png", "(nearest: wall-1.png, other in leading zeros)"),
        (
            "Wall 01.png",
            "wall_1.png",
            "other in capital letters and in spaces or marks and in leading zeros)",
        ),
        ("wall1.png", "wall1_mask.png", "(nearest: wall1_mask.png, '_mask' more)"),
        ("wall1_crop2.png", "wall1.png", "(nearest: wall1.png, '_crop2' less)"),
        ("bridge.png", "brigde.png", "(nearest: brigde.png, other in spelling)"),
        ("wall 1.png", "wall%201.png", "(nearest: wall%201.png, other in percent codes)"),
        ("wall 1.png", "wall%25201.png", "(nearest: wall%25201.png, other in percent codes)"),
        ("img0.png", "mask0.png", "(nearest: mask0.png, other in spelling)"),
        ("w1.png", "1a2b3c4d-w1.png", "(nearest: 1a2b3c4d-w1.png, '1a2b3c4d-' more)"),
        ("IMG_0001.png", "IMG_0002.png", None),
        ("IMG_1.png", "IMG_10.png", None),
        ("bridge.png", "tower.png", None),
    ],
)
def test_a_file_without_partner_is_told_with_the_nearest(
    tmp_path: Path, photo: str, label: str, told: str | None
) -> None:
    masks(tmp_path, photo, label)
    folder = tmp_path / "train" / "images"
    with pytest.raises(DataError, match=re.escape(told or f"({folder / photo}). Add")):
        load_dataset(tmp_path)
    items = [item for finding in check_dataset(tmp_path).findings for item in finding.items]
    assert any(photo in item and "nearest" in item for item in items) == (told is not None)


@pytest.mark.parametrize(
    ("stated", "difference"),
    [
        ("w0.jpg", "other in the ending: '.jpg', not '.png'"),
        ("w0", "other in the ending: '', not '.png'"),
        ("w0.png ", "other in the ending: '.png ', not '.png'"),
        ("1a2b3c4d-w0.png", "'1a2b3c4d-' more"),
    ],
)
def test_the_right_difference_is_told_of_an_image_that_coco_names(
    tmp_path: Path, stated: str, difference: str
) -> None:
    coco(tmp_path, {"w0.png": stated, "b.png": "b.png"})
    with pytest.raises(DataError, match=re.escape(f"w0.png (nearest: {stated}, {difference})")):
        load_dataset(tmp_path)


def test_a_label_in_the_folder_of_another_split_is_told_with_its_place(tmp_path: Path) -> None:
    masks(tmp_path, "a.png", "a.png")
    for kind in ("images", "masks"):
        (tmp_path / "valid" / kind).mkdir(parents=True)
    (tmp_path / "train/masks/a.png").rename(tmp_path / "valid/masks/a.png")
    with pytest.raises(DataError, match=re.escape(f"(nearest: a.png, but in {tmp_path}/valid/masks)")):
        load_dataset(tmp_path)


def test_two_photos_that_differ_in_how_accents_are_written_are_told_apart(tmp_path: Path) -> None:
    name = "Brücke.png"
    masks(tmp_path, unicodedata.normalize("NFC", name), name)
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "train/images" / unicodedata.normalize("NFD", name))
    with pytest.raises(
        DataError, match=r"share the name 'Brücke' \(the (first|second) has its accents as char"
    ):
        load_dataset(tmp_path)


def test_an_image_that_coco_names_in_other_words_is_told_with_the_nearest(tmp_path: Path) -> None:
    coco(tmp_path, {"north wall.png": "North_Wall.png", "b.png": "b.png"})
    told = "(nearest: North_Wall.png, other in capital letters and in spaces or marks)"
    with pytest.raises(DataError, match=re.escape(told)):
        load_dataset(tmp_path)


@pytest.mark.parametrize("ending", [".gif", ".webp", ".npy", ".jpg", ".JPEG", ".mat", ""])
def test_a_mask_of_an_ending_that_is_not_read_is_named(make_set: MakeSet, ending: str) -> None:
    root = make_set()
    path = root / "train/masks/000.png"
    path.rename(path.with_suffix(ending))
    told = rf"000\.png \({re.escape(str(path.with_suffix(ending)))} is there, but masks are read from \.png"
    with pytest.raises(DataError, match=rf"1 of 8 photos have no label .*{told}"):
        load_dataset(root)
    (found,) = [found for found in check_dataset(root).findings if found.kind == "photo without label"]
    assert re.search(told, found.items[0])


def test_labels_of_another_format_are_named(make_set: MakeSet) -> None:
    root = make_set()
    path = root / "train/masks/000.png"
    for ending, form in ((".txt", "yolo"), (".json", "labelme")):
        path = path.rename(path.with_suffix(ending))
        with pytest.raises(
            DataError, match=rf"000\{ending} is there, .*, or write 'format: {form}' if it is"
        ):
            load_dataset(root)


def test_labels_of_another_tool_are_named(tmp_path: Path) -> None:
    for form, folder, labels, read in (("yolo", "images", "labels", ".txt"), ("labelme", "", "", ".json")):
        root = tmp_path / form
        for place in (folder, labels):
            (root / "train" / place).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT)).save(root / "train" / folder / "a.png")
        (root / "train" / labels / "a.xml").touch()
        (root / "dataset.yaml").write_text(f"format: {form}\nlabel_names: {{0: corrosion}}\n")
        with pytest.raises(DataError, match=rf"a\.xml is there, but \w+ are read from \{read}; export"):
            load_dataset(root)
        (root / "train" / labels / "a.xml").unlink()
        with pytest.raises(DataError, match=r"\(\S+a\.png\)"):
            load_dataset(root)
