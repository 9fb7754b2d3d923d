"""What the numbers and colours of masks mean: no data, white, palettes, marks of no label."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tests.data.conftest import MakeSet, items, mask_in

from descale.base.errors import DataError
from descale.data import load_dataset
from descale.data.check import check_dataset


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
