"""From a folder, a description or a preset to a data set."""

from __future__ import annotations

import dataclasses
import logging
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.data.conftest import MakeSet

from descale.base.classes import BINARY
from descale.base.errors import DataError
from descale.data import Dataset, load_dataset
from descale.data.source import find_source, list_source

FOUR = """
classes:
  - {name: good, colour: [0, 0, 0]}
  - {name: fair, colour: [128, 0, 0], corrosion: true}
  - {name: poor, colour: [0, 128, 0], corrosion: true}
  - {name: severe, colour: [128, 128, 0], corrosion: true}
"""


def test_a_folder_without_description_is_binary(make_set: MakeSet) -> None:
    dataset = load_dataset(make_set())
    assert dataset.classes == BINARY
    assert [len(dataset.split(name)) for name in ("train", "valid", "test")] == [4, 2, 2]
    sample = dataset.split("train")[0]
    assert (sample.id, sample.group) == ("000", "000")
    assert sample.read_image().shape == (48, 64, 3)
    assert set(np.unique(sample.read_mask())) == {0, 1}


@pytest.mark.parametrize("values", [(0, 255), (0, 1)])
def test_both_encodings_of_two_classes_are_legal(make_set: MakeSet, values: tuple[int, int]) -> None:
    root = make_set(values=values)
    mask = load_dataset(root).samples[0].read_mask()
    stored = np.asarray(Image.open(root / "train/masks/000.png"))
    assert (mask == (stored > 0)).all()


def test_four_classes_are_legal_only_if_described(make_set: MakeSet) -> None:
    root = make_set(values=(0, 1, 2, 3))
    with pytest.raises(DataError, match=r"000\.png: values 2, 3 are outside the class table .*dataset\.yaml"):
        load_dataset(root).samples[0].read_mask()
    (root / "dataset.yaml").write_text(FOUR)
    dataset = load_dataset(root)
    assert set(np.unique(dataset.samples[0].read_mask())) == {0, 1, 2, 3}
    assert dataset.name == "steel"


def test_white_is_no_class_of_a_set_with_four(make_set: MakeSet) -> None:
    root = make_set(values=(0, 255))
    (root / "dataset.yaml").write_text(FOUR)
    with pytest.raises(DataError, match="value 255 is outside"):
        load_dataset(root).samples[0].read_mask()


def test_two_encodings_in_one_file_are_an_error(make_set: MakeSet) -> None:
    root = make_set(values=(0, 1, 255))
    with pytest.raises(DataError, match="two encodings"):
        load_dataset(root).samples[0].read_mask()


def test_pixel_values_can_be_named(make_set: MakeSet) -> None:
    root = make_set(values=(10, 20, 30))
    (root / "dataset.yaml").write_text(FOUR + "label_names: {10: good, 20: fair, 30: severe}\n")
    assert set(np.unique(load_dataset(root).samples[0].read_mask())) == {0, 1, 3}


def test_several_values_can_be_named_as_one_class(make_set: MakeSet) -> None:
    root = make_set(values=(0, 1, 2, 3))
    (root / "dataset.yaml").write_text(
        "label_names: {0: background, 1: corrosion, 2: background, 3: corrosion}\n"
    )
    stored = np.asarray(Image.open(root / "train/masks/000.png"))
    assert (load_dataset(root).samples[0].read_mask() == stored % 2).all()


def test_a_description_may_end_in_yml(make_set: MakeSet) -> None:
    root = make_set(values=(0, 1))
    (root / "dataset.yml").write_text("format: id-masks\nlabel_names: {0: corrosion, 1: background}\n")
    inverted = load_dataset(root).samples[0].read()[1]
    (root / "dataset.yaml").write_text("format: id-masks\n")
    with pytest.raises(DataError, match="keep one of them"):
        load_dataset(root)
    for name in ("dataset.yml", "dataset.yaml"):
        (root / name).unlink()
    plain = load_dataset(root).samples[0].read()[1]
    assert (inverted == 1 - plain).all()


def test_labels_of_all_splits_in_one_folder_are_no_orphans(make_set: MakeSet) -> None:
    root = make_set()
    (root / "masks").mkdir()
    for split in ("train", "valid", "test"):
        for mask in (root / split / "masks").iterdir():
            mask.rename(root / "masks" / mask.name)
    (root / "dataset.yaml").write_text("format: id-masks\nlabels: masks\n")
    shutil.copy(next((root / "masks").iterdir()), root / "masks" / "lone.png")
    assert [path.name for path in list_source(find_source(root)).orphans] == ["lone.png"]


def test_merging_keeps_what_is_corroded(make_set: MakeSet) -> None:
    root = make_set(values=(0, 1, 2, 3))
    (root / "dataset.yaml").write_text(FOUR)
    dataset = load_dataset(root)
    merged = load_dataset(root, binary=True)
    assert merged.classes == BINARY
    for before, after in zip(dataset.samples, merged.samples, strict=True):
        assert ((before.read_mask() > 0) == after.read_mask()).all()
    assert merged.merged_to_binary() is merged


def test_a_link_in_a_ring_spoils_nothing(make_set: MakeSet) -> None:
    root = make_set()
    (root / "train/images/ring.png").symlink_to(root / "train/images/ring.png")
    with pytest.raises(DataError, match=r"ring\.png"):
        load_dataset(root)
    (root / "train/images/ring.png").unlink()
    (root / "train/images/ring").symlink_to(root / "train/images/ring")
    assert len(load_dataset(root).split("train")) == 4


def test_presets(make_set: MakeSet) -> None:
    root = make_set(values=(0, 1, 2))
    nea = load_dataset(f"nea:{root}")
    assert (len(nea.classes), nea.classes.corrosion_ids) == (3, (1, 2))
    sscs = load_dataset(f"sscs:{root}")
    assert sscs.classes.colours == ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert set(np.unique(sscs.samples[0].read_mask())) == {0, 1, 2}
    for path in root.glob("*/masks/*.png"):
        palette = np.asarray(sscs.classes.colours, dtype=np.uint8)
        Image.fromarray(palette[np.asarray(Image.open(path))]).save(path)
    coloured = load_dataset(f"sscs-colour:{root}")
    assert coloured.classes == sscs.classes
    assert set(np.unique(coloured.samples[0].read_mask())) == {0, 1, 2}
    with pytest.raises(DataError, match=r"'sscc' is not a preset; known: nea, sscs"):
        load_dataset(f"sscc:{root}")


def test_tif_masks_and_the_name_val(make_set: MakeSet) -> None:
    root = make_set()
    (root / "valid").rename(root / "val")
    for path in root.glob("*/masks/*.png"):
        Image.open(path).save(path.with_suffix(".tif"))
        path.unlink()
    dataset = load_dataset(root)
    assert len(dataset.split("valid")) == 2
    assert dataset.samples[0].read_mask().max() == 1


def test_grey_masks_stored_as_colour_are_read_and_coloured_ones_refused(make_set: MakeSet) -> None:
    root = make_set()
    path = root / "train/masks/000.png"
    expected = load_dataset(root).samples[0].read_mask()
    Image.open(path).convert("RGB").save(path)
    assert (load_dataset(root).samples[0].read_mask() == expected).all()
    Image.new("RGB", (64, 48), (128, 0, 0)).save(path)
    with pytest.raises(DataError, match="colour-masks"):
        load_dataset(root).samples[0].read_mask()


def test_a_mask_of_another_size(make_set: MakeSet) -> None:
    root = make_set()
    Image.new("L", (64, 47)).save(root / "train/masks/000.png")
    with pytest.raises(DataError, match=r"the mask is 64 x 47 pixels, its photo 64 x 48"):
        load_dataset(root).samples[0].read_mask()
    Image.new("L", (48, 64)).save(root / "train/masks/000.png")
    with pytest.raises(DataError, match="EXIF rotation"):
        load_dataset(root).samples[0].read_mask()


def test_a_mask_has_the_size_of_the_upright_photo(make_set: MakeSet) -> None:
    root = make_set()
    exif = Image.Exif()
    exif[274] = 6
    Image.open(root / "train/images/000.png").save(root / "train/images/000.png", exif=exif)
    Image.new("L", (48, 64)).save(root / "train/masks/000.png")
    sample = load_dataset(root).samples[0]
    assert sample.read_mask().shape == sample.read_image().shape[:2] == (64, 48)


def test_names_that_repeat_across_splits_get_the_split_in_front(make_set: MakeSet) -> None:
    root = make_set()
    for folder in ("images", "masks"):
        (root / "test" / folder / "006.png").rename(root / "test" / folder / "000.png")
    ids = [sample.id for sample in load_dataset(root).samples]
    assert ids == ["001", "002", "003", "train.000", "004", "005", "007", "test.000"]
    assert len(set(ids)) == len(ids)


class TestFingerprint:
    def test_does_not_depend_on_the_place(self, make_set: MakeSet, tmp_path: Path) -> None:
        root = make_set()
        shutil.copytree(root, tmp_path / "elsewhere" / "steel")
        assert load_dataset(root).fingerprint() == load_dataset(tmp_path / "elsewhere/steel").fingerprint()

    def test_changes_with_pixels_labels_splits_and_classes(self, make_set: MakeSet) -> None:
        root = make_set(values=(0, 1))
        seen = {load_dataset(root).fingerprint()}
        Image.new("RGB", (64, 48)).save(root / "train/images/000.png")
        seen.add(load_dataset(root).fingerprint())
        Image.new("L", (64, 48)).save(root / "train/masks/000.png")
        seen.add(load_dataset(root).fingerprint())
        (root / "dataset.yaml").write_text(FOUR)
        dataset = load_dataset(root)
        seen.add(dataset.fingerprint())
        seen.add(dataset.merged_to_binary().fingerprint())
        moved = dataclasses.replace(dataset.samples[0], split="test")
        seen.add(Dataset(dataset.name, dataset.classes, (moved, *dataset.samples[1:])).fingerprint())
        assert len(seen) == 6

    def test_does_not_depend_on_the_order(self, make_set: MakeSet) -> None:
        dataset = load_dataset(make_set())
        assert dataset.with_samples(reversed(dataset.samples)).fingerprint() == dataset.fingerprint()


class TestBadInput:
    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no such folder"):
            load_dataset(tmp_path / "nowhere")

    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").touch()
        with pytest.raises(DataError, match="a file, not a folder"):
            load_dataset(tmp_path / "a.jpg")

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"no photos found; expected a folder .*train/images"):
            load_dataset(tmp_path)

    def test_empty_image_folders(self, make_set: MakeSet) -> None:
        with pytest.raises(DataError, match="there are no photos"):
            load_dataset(make_set(counts=(0, 0, 0)))

    def test_no_mask_folder(self, make_set: MakeSet) -> None:
        root = make_set()
        shutil.rmtree(root / "valid/masks")
        with pytest.raises(DataError, match=r"valid/masks: no such folder; the masks of"):
            load_dataset(root)

    def test_missing_masks(self, make_set: MakeSet) -> None:
        root = make_set()
        (root / "train/masks/001.png").unlink()
        with pytest.raises(DataError, match=r"1 of 8 photos have no label \(.*001\.png"):
            load_dataset(root)

    def test_orphans_are_counted_in_the_log(
        self, make_set: MakeSet, caplog: pytest.LogCaptureFixture
    ) -> None:
        root = make_set()
        (root / "train/images/001.png").unlink()
        with caplog.at_level(logging.WARNING):
            assert len(load_dataset(root)) == 7
        assert "1 labels have no photo" in caplog.text

    def test_jpeg_masks(self, make_set: MakeSet) -> None:
        root = make_set()
        for path in root.glob("*/masks/*.png"):
            path.rename(path.with_suffix(".jpg"))
        with pytest.raises(DataError, match="smeared"):
            load_dataset(root)

    def test_two_photos_of_one_name(self, make_set: MakeSet) -> None:
        root = make_set()
        shutil.copy(root / "train/images/000.png", root / "train/images/000.JPG")
        with pytest.raises(DataError, match="share the name '000'"):
            load_dataset(root)

    def test_two_folders_for_one_split(self, make_set: MakeSet) -> None:
        root = make_set()
        (root / "val/images").mkdir(parents=True)
        with pytest.raises(DataError, match="are the same split"):
            load_dataset(root)

    def test_an_unknown_split(self, make_set: MakeSet) -> None:
        with pytest.raises(DataError, match="no split 'val'"):
            load_dataset(make_set()).split("val")


def test_samples_travel_to_other_processes(make_set: MakeSet) -> None:
    dataset = load_dataset(make_set(), binary=True)
    assert pickle.loads(pickle.dumps(dataset)) == dataset


def test_rust_photos(shared_data: Path) -> None:
    dataset = load_dataset(shared_data / "rust-photos")
    assert dataset.classes.names == ("background", "corrosion")
    assert [len(dataset.split(name)) for name in ("train", "valid", "test")] == [736, 172, 176]
    for sample in dataset.samples[::200]:
        mask = sample.read_mask()
        assert mask.shape == (512, 512)
        assert set(np.unique(mask)) <= {0, 1}
