"""Descriptions say what is wrong, in which line, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from descale.base.errors import DataError
from descale.data.description import Description
from descale.data.description_file import read_description
from descale.data.readers import READERS

GOOD = """\
name: bridges
format: labelme
root: ../photos
images: images
labels: json
classes:
  - {name: sound}
  - {name: rust, corrosion: true}
label_names: {Rost: rust, 7: rust}
groups: {rule: pattern, pattern: "^(.*)_"}
splits: {train: 0.8, valid: 0.1, test: 0.1, seed: 3}
"""


def test_a_full_description(tmp_path: Path) -> None:
    path = tmp_path / "bridges.yaml"
    path.write_text(GOOD)
    description = read_description(path)
    assert description.table.names == ("sound", "rust")
    assert description.label_names == {"Rost": "rust", "7": "rust"}
    assert description.groups.scene("b3_17") == "b3"
    assert description.splits.seed == 3


def test_places_default_to_the_usual_of_the_format() -> None:
    coco = Description(name="a", format="coco")
    assert (coco.images, coco.labels) == ("{split}", "{split}/_annotations.coco.json")
    assert Description(name="a").labels == "{split}/masks"


def test_the_name_defaults_to_the_file_or_its_folder(tmp_path: Path) -> None:
    for name, expected in (("bridges.yaml", "bridges"), ("dataset.yaml", tmp_path.name)):
        (tmp_path / name).write_text("format: yolo\n")
        assert read_description(tmp_path / name).name == expected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format: labelme", "format: labelmee", r":2: format: .*'labelme'.*not 'labelmee'"),
        ("images: images", "image: images", r":4: image: unknown key; did you mean 'images'\?"),
        (
            "corrosion: true",
            "corosion: true",
            r":8: classes\.1\.corosion: unknown key; did you mean 'corrosion'\?",
        ),
        ("corrosion: true", "corrosion: false", r":6: classes: a class table needs .* corrosion"),
        ("name: sound", "name: rust", r":6: classes: class names repeat"),
        (
            "{name: sound}",
            "{name: deep, corrosion: true}",
            r":6: classes: the first class is all that is not outlined; put the background before 'deep'",
        ),
        (
            "Rost: rust",
            "Rost: ruts",
            r":9: label_names: Rost: no class is called 'ruts'; did you mean 'rust'\?",
        ),
        ('"^(.*)_"', '"^(.*_"', r":10: groups.*not a regular expression"),
        ("rule: pattern", "rule: name", r":10: groups.*pattern"),
        ("train: 0.8", "train: 0.7", r":11: splits.*0\.9; make them add up to 1"),
        ("train: 0.8", "train: 1.8", r":11: splits\.train: .*less than 1"),
        ("labels: json", "labels: '{split}/json'", r":5: labels.*images does not"),
        ("images: images", "images: '{fold}/images'", r":4: images: .*no other braces"),
        ("{name: sound}", "{name: sound, colour: [0, 0, 256]}", r":7: classes\.0\.colour\.2"),
        ("format: labelme", "format: [", r":4: not valid YAML"),
        (
            "label_names: {Rost: rust, 7: rust}",
            "label_names: rust",
            r":9: label_names: expected 'key: value'",
        ),
        ("format: labelme", "format: labelme\nname: 2026-02-30", r"not valid YAML .*quotes"),
        ("format: labelme", "format: colour-masks", r":9: label_names: colour masks hold no names"),
        ("format: labelme", "format: yolo\nlabels: a", r":6: 'labels' stands here and in line 3"),
    ],
)
def test_errors_name_the_line_and_the_fix(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    path = tmp_path / "bridges.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        read_description(path)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("splits: {train: 0.7, val: 0.15, test: 0.15}", "splits.val: unknown key; did you mean 'valid'"),
        ("groups: {rule: runs, len: 20}", r"len: unknown key; did you mean 'length'"),
    ],
)
def test_an_unknown_key_is_answered_with_those_of_its_part(tmp_path: Path, part: str, message: str) -> None:
    (tmp_path / "a.yaml").write_text(f"format: yolo\n{part}\n")
    with pytest.raises(DataError, match=message):
        read_description(tmp_path / "a.yaml")


def test_a_description_may_be_named_from_inside_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bridges").mkdir()
    (tmp_path / "bridges" / "dataset.yaml").write_text("format: yolo\n")
    monkeypatch.chdir(tmp_path / "bridges")
    assert read_description(Path("dataset.yaml")).name == "bridges"


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words"])
def test_not_a_mapping(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(DataError, match="expected 'key: value' lines"):
        read_description(tmp_path / "a.yaml")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_description(tmp_path / "a.yaml")


@pytest.mark.parametrize("form", READERS)
def test_corrosion_is_never_the_background(tmp_path: Path, form: str) -> None:
    corroded, sound = "  - {name: corrosion, corrosion: true}\n", "  - {name: sound}\n"
    path = tmp_path / "a.yaml"
    path.write_text(f"format: {form}\nclasses:\n{corroded}{sound}")
    with pytest.raises(DataError, match=r"a\.yaml:2: classes: .* background before 'corrosion'"):
        read_description(path)
    path.write_text(f"format: {form}\nclasses:\n{sound}{corroded}")
    assert read_description(path).table.corrosion_ids == (1,)


def test_colour_masks_need_colours_that_differ(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "format: colour-masks\nclasses:\n  - {name: a, colour: [1, 1, 1]}\n"
        "  - {name: b, colour: [1, 1, 1], corrosion: true}\n"
    )
    with pytest.raises(DataError, match="same colour"):
        read_description(tmp_path / "a.yaml")
