"""Paths with ~ and files in other encodings than UTF-8 are read, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from tests.data.conftest import BOX, HEIGHT, WIDTH, MakeSet, coco, labelme, mask_in, photo_of

from descale.base.errors import DataError, DescaleError
from descale.data import load_dataset
from descale.data.description_file import read_description
from descale.evaluation.clean_photos import find_clean_photos
from descale.prediction.inputs import find_inputs
from descale.study.config import load_study

NOBODY = "~nobody_x/photos"


@pytest.fixture
def home(make_set: MakeSet, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that holds the set ``steel``."""
    root = make_set()
    monkeypatch.setenv("HOME", str(root.parent))
    return root.parent


@pytest.mark.parametrize(
    "described",
    [
        "root: ~/steel\n",
        "images: ~/steel/{split}/images\nlabels: ~/steel/{split}/masks\n",
        "images: ~/steel/{split}/images\nlabels: '{split}/masks'\nroot: ~/steel\n",
    ],
)
def test_home_is_understood_in_a_description(home: Path, tmp_path: Path, described: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "elsewhere/steel.yaml"
    path.write_text(described)
    assert len(load_dataset(path)) == len(load_dataset("~/steel")) == 8


@pytest.mark.parametrize("key", ["root", "images", "labels"])
def test_an_unknown_home_in_a_description_is_told_with_its_line(tmp_path: Path, key: str) -> None:
    (tmp_path / "a.yaml").write_text(f"name: a\n{key}: {NOBODY}\n")
    with pytest.raises(DataError, match=rf"a\.yaml:2: {key}: .*'~nobody_x' .*is not known"):
        load_dataset(tmp_path / "a.yaml")


def test_an_unknown_home_is_told_wherever_a_path_is_typed() -> None:
    for read in (load_dataset, find_clean_photos, lambda path: find_inputs([path])):
        with pytest.raises(DataError, match=r"~nobody_x/photos: .*'~nobody_x' .*Write the whole path"):
            read(NOBODY)
    with pytest.raises(DataError, match="'~nobody_x'"):
        load_dataset(f"nea:{NOBODY}")


def test_an_empty_path_is_not_the_current_folder(make_set: MakeSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_set())
    for read in (load_dataset, find_clean_photos, lambda path: find_inputs([path])):
        with pytest.raises(DataError, match="'' names no file or folder"):
            read("")
    with pytest.raises(DataError, match="'' names no file or folder"):
        load_dataset("nea:")
    assert find_inputs(["."]).inputs
    assert len(load_dataset(".")) == 8


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (f"data: [{{source: {NOBODY}}}]", r":2: data\.0\.source"),
        (f"data: [{{source: 'nea:{NOBODY}'}}]", r":2: data\.0\.source"),
        (f"data:\n  - source: .\n    clean: {NOBODY}", r":4: data\.0\.clean"),
        (f"data: [{{source: .}}]\nencoder_weights: {NOBODY}", ":3: encoder_weights"),
    ],
)
def test_an_unknown_home_in_a_study_is_told_with_its_line(tmp_path: Path, keys: str, place: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(f"name: a\n{keys}\narchitectures: [unet]\nencoders: [resnet18]\n")
    with pytest.raises(DescaleError, match=rf"study\.yaml{place}: .*'~nobody_x'"):
        load_study(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_descriptions_are_read_as_editors_save_them(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("name: Brücke\n".encode(encoding))
    assert read_description(path).name == "Brücke"
    path.write_bytes(
        "name: bridge  # Brücke\ndata: [{source: .}]\narchitectures: [unet]\nencoders: [resnet18]\n".encode(
            encoding
        )
    )
    assert load_study(path).name == "bridge"


def test_another_encoding_is_told_with_its_place_and_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("name: Brücke\n".encode("latin-1"))
    for read in (read_description, load_study):
        with pytest.raises(DescaleError, match=r"a\.yaml: not UTF-8 text \(byte 0xfc at position 8\)\. Save"):
            read(path)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("labelme", "000.json"),
        ("coco", "_annotations.coco.json"),
        ("yolo", "000.txt"),
        ("yolo", "../../data.yaml"),
    ],
)
def test_labels_in_another_encoding_are_told_without_their_content(
    make_set: MakeSet, form: str, name: str
) -> None:
    root = make_set()
    (root / "data.yaml").write_text("names: [corrosion]\n")
    (root / "dataset.yaml").write_text(
        f"format: {form}\nimages: '{{split}}/images'\nlabels: '{{split}}/masks"
        f"{'/_annotations.coco.json' if form == 'coco' else ''}'\n"
    )
    for split in ("train", "valid", "test"):
        for photo in (root / split / "images").iterdir():
            (root / split / "masks" / f"{photo.stem}.txt").write_text("")
            (root / split / "masks" / f"{photo.stem}.json").write_text("{}")
        (root / split / "masks/_annotations.coco.json").write_text("{}")
    (root / "train/masks" / name).write_bytes(b'{"label": "' + b"\xfc" * 100_000 + b'"}')
    with pytest.raises(DataError, match=r"not UTF-8 text \(byte 0xfc at position 11\)") as caught:
        load_dataset(root).samples[0].read_mask()
    assert len(str(caught.value)) < 300


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
