"""Every label format becomes the same id mask."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.readers.writers import CLASSES, WRITERS, expected_mask, only_mask

from descale.data import Dataset, load_dataset
from descale.data.readers import READERS


def test_every_reader_is_tested() -> None:
    assert WRITERS.keys() == READERS.keys()


@pytest.mark.parametrize("form", WRITERS)
def test_all_formats_give_the_same_mask(tmp_path: Path, form: str) -> None:
    WRITERS[form](tmp_path)
    dataset = load_dataset(tmp_path)
    assert (only_mask(dataset) == expected_mask()).all()
    assert dataset.fingerprint() == load_dataset(tmp_path).fingerprint()
    assert (only_mask(dataset.merged_to_binary()) == (expected_mask() > 0)).all()


def ccsc(tmp_path: Path, root: Path, form: str, labels: str, images: str = "images") -> Dataset:
    names = "label_names: {2_Fair_Steel_Corrosion: fair, 3_Poor_Steel_Corrosion: poor, "
    names += "4_Severe_Steel_Corrosion: severe}\n"
    path = tmp_path / f"{labels.replace('/', '-')}.yaml"
    path.write_text(
        f"format: {form}\nroot: {root}\nimages: {images}\nlabels: {labels}"
        + CLASSES
        + (names if form == "labelme" else "")
    )
    return load_dataset(path)


def test_three_labels_of_the_same_bridge_photos_agree(tmp_path: Path, shared_data: Path) -> None:
    root = shared_data / "ccsc-sample"
    ids = ccsc(tmp_path, root, "id-masks", "masks_index")
    colours = ccsc(tmp_path, root, "colour-masks", "masks_colour")
    outlines = ccsc(tmp_path, root, "labelme", "labelme")
    assert len(ids) == len(colours) == len(outlines) == 11
    for one, two, three in zip(ids.samples, colours.samples, outlines.samples, strict=True):
        mask = one.read_mask()
        assert (two.read_mask() == mask).all()
        assert (three.read_mask() == mask).mean() > 0.995


def test_coco_and_yolo_exports_of_the_same_photos_agree(
    shared_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    yolo = {sample.id: sample for sample in load_dataset(shared_data / "yolo-export-sample").samples}
    coco = load_dataset(shared_data / "coco-export-sample")
    assert (len(yolo), len(coco)) == (42, 12)
    for sample in coco.samples:
        one, two = sample.read_mask() > 0, yolo[sample.id].read_mask() > 0
        assert (one & two).sum() / (one | two).sum() > 0.99
    assert "no photo is in the split 'valid'" in caplog.text


def test_copies_of_an_exported_photo_are_one_scene(shared_data: Path) -> None:
    samples = load_dataset(shared_data / "yolo-export-sample").samples
    assert len({sample.group for sample in samples}) == 10
