"""The check finds what would falsify a result, and does not cry wolf."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from tests.data.conftest import MakeSet, items, photo_of
from typer.testing import CliRunner

from descale.base.errors import DataError
from descale.cli.data import app
from descale.data import load_dataset
from descale.data.check import CheckReport, check_dataset
from descale.data.check.refuse import checked_dataset


def finding(report: CheckReport, kind: str) -> tuple[str, ...]:
    """Items of a finding; none if there is no such finding."""
    return next((found.items for found in report.findings if found.kind == kind), ())


def is_falsifying(report: CheckReport, kind: str) -> bool:
    return kind in [found.kind for found in report.falsifying]


def test_a_clean_set(make_set: MakeSet) -> None:
    seen = []
    report = check_dataset(make_set(), progress=lambda done, total: seen.append((done, total)))
    assert report.findings == ()
    assert report.pairs == {"train": 4, "valid": 2, "test": 2}
    assert report.scenes == {"train": 4, "valid": 2, "test": 2}
    assert report.sizes == {"48 x 64": 8}
    assert sum(share for share, _ in report.classes.values()) == pytest.approx(1)
    assert report.classes["corrosion"][1] == 8
    assert seen == [(i, 8) for i in range(1, 9)]


def test_what_merging_removes_is_no_problem_of_a_binary_set(make_set: MakeSet) -> None:
    root = make_set(values=(0, 1))
    classes = "\n".join(f"  - {{name: {name}, corrosion: true}}" for name in ("rust", "severe"))
    (root / "dataset.yaml").write_text(f"classes:\n  - {{name: sound}}\n{classes}\n")
    mask = root / "test/masks/000.png"
    stored = np.asarray(Image.open(next(mask.parent.iterdir()))).copy()
    stored[:8, :8] = 2
    Image.fromarray(stored).save(next(mask.parent.iterdir()))
    assert is_falsifying(check_dataset(root), "class missing in train")
    with pytest.raises(DataError, match="class missing in train"):
        checked_dataset(root)
    assert not check_dataset(root, binary=True).falsifying
    assert checked_dataset(root, binary=True).classes.corrosion_ids == (1,)


def test_the_report_is_json(make_set: MakeSet) -> None:
    report = json.loads(json.dumps(check_dataset(make_set()).to_json()))
    assert report["usable"] is True
    assert report["classes"]["corrosion"]["photos"] == 8


@pytest.mark.parametrize(("orientation", "told"), [(1, False), (3, True), (6, False)])
def test_turned_photos_whose_size_says_nothing_of_their_labels_are_told(
    make_set: MakeSet, orientation: int, told: bool
) -> None:
    root = make_set()
    exif = Image.Exif()
    exif[274] = orientation
    photo, mask = root / "train/images/000.png", root / "train/masks/000.png"
    Image.open(photo).save(photo, exif=exif)
    if orientation == 6:  # drawn on the upright photo, as its size proves
        Image.open(mask).transpose(Image.Transpose.ROTATE_270).save(mask)
    report = check_dataset(root)
    assert finding(report, "turned photo") == ((str(photo),) if told else ())
    assert not report.falsifying


def test_outlines_in_shares_never_tell_whether_the_photo_was_upright(tmp_path: Path) -> None:
    from tests.data.readers.writers import write_yolo

    write_yolo(tmp_path)
    (photo,) = tmp_path.rglob("a.png")
    exif = Image.Exif()
    exif[274] = 6
    Image.open(photo).save(photo, exif=exif)
    assert finding(check_dataset(tmp_path), "turned photo") == (str(photo),)


def test_unreadable_truncated_and_empty_files(make_set: MakeSet) -> None:
    root = make_set()
    path = root / "train/images/000.png"
    path.write_bytes(path.read_bytes()[:200])
    (root / "train/images/001.png").write_bytes(b"")
    (root / "train/masks/002.png").write_bytes(b"not a picture")
    report = check_dataset(root)
    broken = " ".join(finding(report, "unreadable"))
    assert len(finding(report, "unreadable")) == 3
    assert all(f"{name}.png" in broken for name in ("000", "001", "002"))
    assert is_falsifying(report, "unreadable")
    assert report.pairs["train"] == 1


def test_size_mismatch_and_values_outside_the_table(make_set: MakeSet) -> None:
    root = make_set()
    Image.new("L", (10, 10)).save(root / "train/masks/000.png")
    Image.new("L", (64, 48), 7).save(root / "test/masks/006.png")
    report = check_dataset(root)
    assert "10 x 10" in finding(report, "size mismatch")[0]
    assert "value 7 is outside the class table" in finding(report, "outside the class table")[0]
    assert is_falsifying(report, "size mismatch")
    assert is_falsifying(report, "outside the class table")


def test_colours_outside_the_palette(make_set: MakeSet) -> None:
    root = make_set()
    (root / "dataset.yaml").write_text("format: colour-masks\n")
    report = check_dataset(root)
    assert len(finding(report, "outside the class table")) == 8
    assert "(255, 255, 255)" in finding(report, "outside the class table")[0]


def test_missing_labels_falsify_and_orphans_warn(make_set: MakeSet) -> None:
    root = make_set()
    (root / "train/masks/000.png").unlink()
    (root / "train/images/001.png").unlink()
    report = check_dataset(root)
    assert finding(report, "photo without label")[0].endswith("train/images/000.png")
    assert finding(report, "label without photo")[0].endswith("train/masks/001.png")
    assert is_falsifying(report, "photo without label")
    assert not is_falsifying(report, "label without photo")


def test_photos_in_subfolders_are_told(make_set: MakeSet, caplog: pytest.LogCaptureFixture) -> None:
    root = make_set()
    places = ("train/images/bridge/9.png", "train/images/bridge/deep/8.JPG", "train/images/.thumbs/9.png")
    for name in (*places, "train/images/bridge/notes.txt", "train/masks/bridge/9.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    report = check_dataset(root)
    assert finding(report, "photo in a subfolder") == tuple(str(root / name) for name in places[:2])
    assert not is_falsifying(report, "photo in a subfolder")
    load_dataset(root)
    assert f"2 photos lie in subfolders and are left out ({root / places[0]}, " in caplog.text


def test_a_set_of_nothing_but_subfolders_says_so(make_set: MakeSet) -> None:
    root = make_set(counts=(0, 0, 0))
    (root / "train/images/bridge").mkdir()
    (root / "train/images/bridge/9.png").touch()
    report = check_dataset(root)
    assert finding(report, "photo in a subfolder")
    assert is_falsifying(report, "empty split")


def test_labels_below_the_photos_are_no_photos_in_subfolders(make_set: MakeSet) -> None:
    root = make_set()
    (root / "dataset.yaml").write_text('images: "{split}"\nlabels: "{split}/masks"\n')
    for split in ("train", "valid", "test"):
        for path in (root / split / "images").iterdir():
            path.rename(root / split / path.name)
    assert not check_dataset(root).findings


def test_the_same_photo_in_two_splits(make_set: MakeSet) -> None:
    root = make_set()
    shutil.copy(root / "train/images/000.png", root / "test/images/006.png")
    report = check_dataset(root)
    assert finding(report, "same photo in two splits") == ("train/000.png = test/006.png",)
    assert is_falsifying(report, "same photo in two splits")
    assert not finding(report, "near duplicates in two splits")


def test_the_same_photo_twice_in_one_split_warns(make_set: MakeSet) -> None:
    root = make_set()
    shutil.copy(root / "train/images/000.png", root / "train/images/001.png")
    report = check_dataset(root)
    assert finding(report, "same photo twice") == ("train/000.png = train/001.png",)
    assert not report.falsifying


@pytest.mark.parametrize(
    "change",
    [
        lambda photo: ImageEnhance.Brightness(photo).enhance(0.8),
        lambda photo: photo.resize((320, 240)),
        ImageOps.mirror,
        lambda photo: photo.transpose(Image.Transpose.ROTATE_90),
        lambda photo: photo.convert("L"),
        lambda photo: photo.crop((2, 2, 62, 46)),
    ],
    ids=["darker", "larger", "mirrored", "turned", "grey", "cropped"],
)
def test_altered_copies_are_found_across_splits(make_set: MakeSet, change: object) -> None:
    assert callable(change)
    root = make_set()
    copy = change(Image.fromarray(photo_of(0)))
    (root / "test/images/006.png").unlink()
    copy.convert("RGB").save(root / "test/images/006.jpg", quality=70)
    Image.new("L", copy.size, 255).save(root / "test/masks/006.png")
    report = check_dataset(root)
    assert finding(report, "near duplicates in two splits") == ("train/000.png = test/006.jpg",)
    assert is_falsifying(report, "near duplicates in two splits")


def test_similar_shots_of_one_scene_in_one_split_are_fine(make_set: MakeSet) -> None:
    root = make_set()
    ImageEnhance.Brightness(Image.fromarray(photo_of(0))).enhance(0.9).save(root / "train/images/001.png")
    report = check_dataset(root)
    assert finding(report, "near duplicates") == ("train/000.png = train/001.png",)
    assert not report.falsifying
    (root / "dataset.yaml").write_text("groups: {rule: runs, length: 4}\n")
    assert not finding(check_dataset(root), "near duplicates")


def test_flat_pictures_are_not_taken_for_copies(make_set: MakeSet) -> None:
    root = make_set()
    for i, path in enumerate(sorted(root.glob("*/images/*.png"))):
        Image.new("RGB", (64, 48), (100 + i, 90, 80)).save(path)
    assert not check_dataset(root).findings


def test_a_scene_in_two_splits(make_set: MakeSet) -> None:
    root = make_set()
    for place, name in (("train", "000"), ("test", "006")):
        for folder in ("images", "masks"):
            new = f"M5_jpg.rf.{name}0000.png"
            (root / place / folder / f"{name}.png").rename(root / place / folder / new)
    report = check_dataset(root)
    assert finding(report, "scene in two splits") == ("M5_jpg: 1 in train, 1 in test",)
    assert is_falsifying(report, "scene in two splits")


def test_a_scene_estimated_from_numbers_only_warns(make_set: MakeSet) -> None:
    root = make_set()
    (root / "dataset.yaml").write_text("groups: {rule: runs, length: 100}\n")
    report = check_dataset(root)
    assert finding(report, "scene in two splits") == ("-0: 4 in train, 2 in valid, 2 in test",)
    assert not report.falsifying


def test_nothing_to_learn_and_empty_splits(make_set: MakeSet) -> None:
    root = make_set(counts=(3, 0, 2))
    for path in root.glob("train/masks/*.png"):
        Image.new("L", (64, 48)).save(path)
    report = check_dataset(root)
    assert is_falsifying(report, "nothing to learn")
    assert finding(report, "class missing in train") == ("corrosion",)
    assert finding(report, "empty split") == ("valid",)
    assert not is_falsifying(report, "empty split")


def test_a_tiny_photo_is_named(make_set: MakeSet) -> None:
    root = make_set()
    Image.new("RGB", (1, 1)).save(root / "train/images/000.png")
    Image.new("L", (1, 1)).save(root / "train/masks/000.png")
    assert finding(check_dataset(root), "tiny photo")[0].endswith("000.png")


def test_nothing_to_check(tmp_path: Path, make_set: MakeSet) -> None:
    with pytest.raises(DataError, match="no such folder"):
        check_dataset(tmp_path / "nowhere")
    with pytest.raises(DataError, match="there are no photos"):
        check_dataset(make_set(counts=(0, 0, 0)))


def test_command(make_set: MakeSet, tmp_path: Path) -> None:
    root = make_set()
    out = tmp_path / "check.json"
    good = CliRunner().invoke(app, ["check", str(root), "--json", str(out)])
    assert good.exit_code == 0
    assert "nothing to complain about" in good.output
    assert json.loads(out.read_text())["usable"] is True
    shutil.copy(root / "train/images/000.png", root / "test/images/006.png")
    bad = CliRunner().invoke(app, ["check", str(root), "--json", str(out)])
    assert bad.exit_code == 1
    assert "train/000.png = test/006.png" in bad.output
    assert json.loads(out.read_text())["usable"] is False


def test_names_that_are_not_utf8(make_set: MakeSet) -> None:
    root = make_set()
    (root / "train/masks/000.png").unlink()
    (root / "train/images/000.png").rename(root / "train/images" / os.fsdecode(b"br\xfccke.png"))
    words = [sys.executable, "-c", "from descale.cli import main; main()", "data", "check", str(root)]
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(words, capture_output=True, text=True, env=strict, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "br\\udcfccke.png" in done.stdout


def test_a_platform_export_with_copies_in_both_splits_is_refused(shared_data: Path) -> None:
    report = check_dataset(shared_data / "yolo-export-sample")
    assert len(finding(report, "scene in two splits")) == 5
    # every photo that stands in train and test is also found by its looks
    pairs = finding(report, "near duplicates in two splits")
    assert {pair.split("/")[1].split(".rf.")[0] for pair in pairs} >= {
        "CL11_png",
        "CL15_png",
        "M3_jpg",
        "M5_jpg",
    }
    assert all(pair.split("/")[1].split(".rf.")[0] in pair.split(" = ")[1] for pair in pairs)


def test_no_wolf_is_cried_on_photos_split_by_scene(shared_data: Path, tmp_path: Path) -> None:
    root = shared_data / "rust-photos"
    for split in ("train", "valid", "test"):
        for folder in ("images", "masks"):
            (tmp_path / split / folder).mkdir(parents=True)
            for path in sorted((root / split / folder).iterdir())[::6]:
                (tmp_path / split / folder / path.name).symlink_to(path.resolve())
    report = check_dataset(tmp_path)
    assert not report.findings
    assert np.isclose(report.classes["corrosion"][0], 0.085, atol=0.03)


def test_splits_without_corrosion_are_told(make_set: MakeSet) -> None:
    root = make_set()
    for path in root.glob("valid/masks/*.png"):
        Image.new("L", (64, 48)).save(path)
    assert items(check_dataset(root), "nothing to judge") == ("valid",)
