"""YOLO-seg: lines, class numbers and names."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.readers.writers import CLASSES, FAIR_BOX, expected_mask, only_mask, write_yolo, yolo_line

from descale.base.errors import DataError
from descale.data import load_dataset


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0.5 0.5 0.2 0.2", r"a\.txt:1: 5 numbers are a box"),
        ("\n0 0.1 0.1 0.2 0.2 0.3", r"a\.txt:2: 5 coordinates"),
        ("0 0.1 0.1 0.2", r"a\.txt:1: 3 coordinates"),
        ("0 10 10 20 10 20 20", r"outside 0\.\.1"),
        ("7 0.1 0.1 0.2 0.1 0.2 0.2", r"class number 7 is not in data\.yaml \(known: 0, 1\)"),
        ("0 0.1 0.1 0.2 x 0.2 0.2", "could not convert"),
        ("rust 0.1 0.1 0.2 0.1 0.2 0.2", "invalid literal"),
    ],
)
def test_bad_lines(tmp_path: Path, text: str, message: str) -> None:
    write_yolo(tmp_path)
    (tmp_path / "train/labels/a.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        only_mask(load_dataset(tmp_path))


def test_an_empty_label_is_no_corrosion(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "train/labels/a.txt").write_text("")
    assert not only_mask(load_dataset(tmp_path)).any()


def test_a_missing_label_is_an_error(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "train/labels/a.txt").unlink()
    with pytest.raises(DataError, match="1 of 1 photos have no label"):
        load_dataset(tmp_path)


def test_a_class_without_meaning(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "dataset.yaml").write_text("format: yolo" + CLASSES)
    with pytest.raises(DataError, match=r"unknown class 'Very bad'.*label_names: \{'Very bad': CLASS\}"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("told", ["ignore: 7", "ignore: [5, 6, 7]", "ignore: '7'"])
def test_a_number_that_data_yaml_lacks_can_be_ignored(tmp_path: Path, told: str) -> None:
    write_yolo(tmp_path)
    (tmp_path / "train/labels/a.txt").write_text(f"{yolo_line(7, FAIR_BOX)}\n")
    with pytest.raises(DataError, match="or 'ignore: 7' to leave"):
        only_mask(load_dataset(tmp_path))
    with (tmp_path / "dataset.yaml").open("a") as stream:
        stream.write(f"{told}\n")
    mask = only_mask(load_dataset(tmp_path))
    assert (mask == 255).sum() == 21 * 25


def test_without_data_yaml_numbers_need_names(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "data.yaml").unlink()
    (tmp_path / "dataset.yaml").write_text("format: yolo" + CLASSES)
    with pytest.raises(DataError, match="the class numbers have no meaning"):
        load_dataset(tmp_path)
    (tmp_path / "dataset.yaml").write_text("format: yolo" + CLASSES + "label_names: {0: fair, 1: severe}\n")
    assert (only_mask(load_dataset(tmp_path)) == expected_mask()).all()


def test_names_that_are_digits_are_no_numbers(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "data.yaml").write_text("names: ['2', '1']\n")  # of the numbers 0 and 1
    digits = CLASSES.replace("name: fair", "name: '2'").replace("name: severe", "name: '1'")
    (tmp_path / "dataset.yaml").write_text("format: yolo" + digits)
    assert (only_mask(load_dataset(tmp_path)) == expected_mask()).all()
    (tmp_path / "data.yaml").write_text("names: ['1', '2']\n")
    for told in ("{1: fair, 2: severe}", "{0: fair, 1: severe}"):  # the names, the numbers
        (tmp_path / "dataset.yaml").write_text(f"format: yolo{CLASSES}label_names: {told}\n")
        assert (only_mask(load_dataset(tmp_path)) == expected_mask()).all()
    (tmp_path / "data.yaml").write_text("names: ['1', '0']\n")
    with pytest.raises(DataError, match=r"label_names' can mean the numbers or the names"):
        load_dataset(tmp_path)


def test_names_as_a_mapping_and_broken_names(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "data.yaml").write_text("names: {0: fair, 1: severe}\n")
    assert (only_mask(load_dataset(tmp_path)) == expected_mask()).all()
    (tmp_path / "data.yaml").write_text("names: 3\n")
    with pytest.raises(DataError, match="'names' cannot be read"):
        load_dataset(tmp_path)
