from __future__ import annotations

from pathlib import Path

import pytest

from descale.base.errors import DataError
from descale.data import Dataset, load_dataset
from descale.study.folds import hold_out
from descale.synthesize import synthesize


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return load_dataset(synthesize(tmp_path_factory.mktemp("set") / "s", count=20, size=(32, 32)))


def test_each_photo_is_the_test_split_once_and_trains_nowhere_then(dataset: Dataset) -> None:
    for sample in dataset.samples:
        fold = hold_out(dataset, sample.id)
        assert [s.id for s in fold.split("test")] == [sample.id]
        assert len(fold.split("valid")) == 1
        assert len(fold.split("train")) == 18
        assert len({s.id for s in fold.samples}) == 20


def test_other_photos_of_the_scene_are_left_out(dataset: Dataset) -> None:
    from dataclasses import replace

    samples = [replace(s, group=str(i // 4)) for i, s in enumerate(dataset.samples)]
    grouped = dataset.with_samples(samples)
    fold = hold_out(grouped, samples[5].id)
    assert len(fold.split("train")) == 12  # 20 without the scenes of the test and of the validation photo
    scenes = [{s.group for s in fold.split(name)} for name in ("train", "valid", "test")]
    assert len(set.union(*scenes)) == sum(len(names) for names in scenes)


def test_too_few_scenes_and_unknown_photo(dataset: Dataset) -> None:
    with pytest.raises(DataError, match="Do not hold out"):
        hold_out(dataset.with_samples(dataset.samples[:2]), dataset.samples[0].id)
    with pytest.raises(DataError, match="no photo 'x'"):
        hold_out(dataset, "x")


def test_the_shared_sample_has_a_fold_per_photo(shared_data: Path) -> None:
    description = Path(__file__).parents[2] / "experiments" / "data" / "ccsc-sample.yaml"
    dataset = load_dataset(description)
    assert len(dataset.classes) == 4
    assert len(hold_out(dataset, "10").split("train")) == 9
