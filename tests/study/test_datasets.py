from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from descale.base.errors import DataError, StudyError
from descale.study.config import StudyData, Synthesis
from descale.study.datasets import clean_photos_of, dataset_of, describe_data
from descale.study.folds import hold_out
from descale.study.trial import DENSE, Trial
from descale.synthesize import synthesize
from descale.training import TrainingConfig


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    dataset_of.cache_clear()
    return synthesize(tmp_path / "photos", count=20, size=(32, 32))


def test_embedded_set_is_drawn_once_inside_the_study(tmp_path: Path) -> None:
    data = StudyData(synthesize=Synthesis(count=20, size=(32, 32)), name="embedded")
    description = describe_data(data, tmp_path)
    assert description.name == "embedded"
    folder = next((tmp_path / "data").iterdir())
    drawn = folder.stat().st_mtime_ns
    dataset_of.cache_clear()
    assert describe_data(data, tmp_path) == description
    assert folder.stat().st_mtime_ns == drawn


def test_fingerprint_follows_the_content(photos: Path, tmp_path: Path) -> None:
    data = StudyData(source=str(photos))
    before = describe_data(data, tmp_path / "out").fingerprint
    image = next((photos / "train" / "images").iterdir())
    other = next((photos / "test" / "images").iterdir())
    shutil.copy(other, image)
    dataset_of.cache_clear()
    with pytest.raises(StudyError, match="could not be trusted"):  # the photo is in two splits now
        describe_data(data, tmp_path / "out")
    kinds = tuple(accepted_kinds(tmp_path / "out"))
    accepted = describe_data(data.model_copy(update={"accept": kinds}), tmp_path / "out")
    assert accepted.fingerprint != before


def accepted_kinds(out: Path) -> list[str]:
    import json

    reports = [json.loads(path.read_text()) for path in (out / "data").glob("check-*.json")]
    return [f["kind"] for report in reports for f in report["findings"] if f["falsifying"]]


def test_a_problem_gone_on_with_is_told(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy(next((photos / "test" / "images").iterdir()), next((photos / "train" / "images").iterdir()))
    with pytest.raises(StudyError) as refused:
        describe_data(StudyData(source=str(photos)), tmp_path / "out")
    assert "accept: [" in str(refused.value)
    kinds = tuple(accepted_kinds(tmp_path / "out"))
    with caplog.at_level(logging.WARNING):
        describe_data(StudyData(source=str(photos), accept=kinds), tmp_path / "out")
    assert any(kinds[0] in message for message in caplog.messages)


def test_copies_in_one_split_are_refused_where_photos_are_held_out_in_turn(
    photos: Path, tmp_path: Path
) -> None:
    for folder in ("images", "masks"):
        first = min((photos / "train" / folder).iterdir())
        shutil.copy(first, first.with_stem("copy"))
    describe_data(StudyData(source=str(photos)), tmp_path / "out")
    in_turn = StudyData(source=str(photos), leave_one_out=True)
    with pytest.raises(StudyError, match="same photo twice"):
        describe_data(in_turn, tmp_path / "out")
    kinds = ("same photo twice", "near duplicates")
    describe_data(in_turn.model_copy(update={"accept": kinds}), tmp_path / "out")


def test_tiles_of_one_photo_are_not_trained_on_while_another_is_held_out(
    photos: Path, tmp_path: Path
) -> None:
    for split in ("train", "valid", "test"):
        for folder in ("images", "masks"):
            for number, path in enumerate(sorted((photos / split / folder).iterdir())):
                path.rename(path.with_stem(f"{split}pier{number // 2}_{64 * (number % 2)}_0"))
    dataset = dataset_of(StudyData(source=str(photos), leave_one_out=True), tmp_path / "out")
    held = hold_out(dataset, "trainpier0_0_0")
    assert "trainpier0_64_0" not in {sample.id for sample in held.samples}


def test_a_split_is_missing(photos: Path, tmp_path: Path) -> None:
    shutil.rmtree(photos / "test")
    with pytest.raises(StudyError, match="leave_one_out: true"):
        describe_data(StudyData(source=str(photos)), tmp_path / "out")


def test_photos_without_corrosion_that_changed_are_found(photos: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    clean.mkdir()
    shutil.copy(next((photos / "train" / "images").iterdir()), clean / "a.png")
    data = StudyData(source=str(photos), clean=str(clean))
    described = describe_data(data, tmp_path / "out")
    trial = Trial(
        DENSE, data, described.name, described.fingerprint, "unet", "resnet18", "none", DENSE, 0.0, 0,
        TrainingConfig(), clean=described.clean,
    )  # fmt: skip
    found = clean_photos_of(trial)
    assert found is not None
    assert found.photos == (clean / "a.png",)
    shutil.copy(next((photos / "test" / "images").iterdir()), clean / "a.png")
    with pytest.raises(StudyError, match=r"without corrosion in .*clean changed while the study ran"):
        clean_photos_of(trial)
    (clean / "a.png").unlink()
    with pytest.raises(DataError, match="holds no photo"):
        describe_data(data, tmp_path / "out")
