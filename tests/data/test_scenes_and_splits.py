"""Shots of one scene stay together, and photos added later move nobody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.data.conftest import MakeSet, photo_of

from descale.base.errors import DataError
from descale.data import load_dataset
from descale.data.description import Splits
from descale.data.scenes import ByName, ByPattern, ByRun
from descale.data.splits import leave_one_group_out, split_of


@pytest.mark.parametrize(
    ("rule", "stem", "scene"),
    [
        (ByName(), "DSC_0001", "DSC_0001"),
        (ByName(), "M5_jpg.rf.7c3d64d17e06902f262620d212986311", "M5_jpg"),
        (ByName(), "bridge.rf.west", "bridge"),
        (ByPattern(rule="pattern", pattern="bridge[0-9]+"), "2024_bridge12_b", "bridge12"),
        (ByPattern(rule="pattern", pattern="^([^_]+)_"), "b12_b", "b12"),
        (ByRun(rule="runs", length=20), "0039", "-20"),
        (ByRun(rule="runs", length=20), "0040", "-40"),
        (ByRun(rule="runs", length=10), "cam2_frame019_left", "cam2_frame-10_left"),
    ],
)
def test_scene_of_a_file_name(rule: ByName | ByPattern | ByRun, stem: str, scene: str) -> None:
    assert rule.scene(stem) == scene


def test_a_rule_that_does_not_fit_says_so() -> None:
    with pytest.raises(DataError, match=r"'\^b' does not match the file name 'a1'"):
        ByPattern(rule="pattern", pattern="^b").scene("a1")
    with pytest.raises(DataError, match="needs a number in the file name 'abc'"):
        ByRun(rule="runs", length=5).scene("abc")


@given(st.sets(st.text(min_size=1, max_size=20), min_size=1, max_size=50), st.integers(0, 5))
def test_a_scene_keeps_its_split_whatever_else_is_in_the_set(groups: set[str], seed: int) -> None:
    shares = Splits(seed=seed)
    alone = {group: split_of(group, shares) for group in groups}
    assert alone == {group: split_of(group, shares) for group in sorted(groups, reverse=True)}
    assert set(alone.values()) <= {"train", "valid", "test"}


def test_a_name_that_is_not_utf8_has_a_split() -> None:
    assert split_of(os.fsdecode(b"br\xfccke"), Splits()) in ("train", "valid", "test")


def test_shares_are_met_on_average() -> None:
    splits = [split_of(f"scene {i}", Splits(train=0.6, valid=0.3, test=0.1)) for i in range(4000)]
    assert abs(splits.count("train") / 4000 - 0.6) < 0.03
    assert abs(splits.count("valid") / 4000 - 0.3) < 0.03


def test_another_seed_divides_otherwise() -> None:
    first, second = ([split_of(str(i), Splits(seed=seed)) for i in range(50)] for seed in (0, 1))
    assert first != second


@pytest.fixture
def unsplit(tmp_path: Path) -> Path:
    """Ten scenes of three shots in one folder."""
    for folder in ("photos", "ids"):
        (tmp_path / folder).mkdir()
    for scene in range(10):
        for shot in range(3):
            name = f"s{scene}_{shot}.png"
            Image.fromarray(photo_of(scene * 3 + shot)).save(tmp_path / "photos" / name)
            Image.new("L", (64, 48), 1).save(tmp_path / "ids" / name)
    (tmp_path / "dataset.yaml").write_text(
        'images: photos\nlabels: ids\ngroups: {rule: pattern, pattern: "^(s[0-9]+)_"}\n'
        "splits: {train: 0.5, valid: 0.25, test: 0.25}\n"
    )
    return tmp_path


def test_an_unsplit_set_is_divided_by_scene(unsplit: Path) -> None:
    dataset = load_dataset(unsplit)
    assert len(dataset) == 30
    by_scene: dict[str, set[str]] = {}
    for sample in dataset.samples:
        by_scene.setdefault(sample.group, set()).add(sample.split)
    assert len(by_scene) == 10
    assert all(len(splits) == 1 for splits in by_scene.values())
    before = {sample.id: sample.split for sample in dataset.samples}
    Image.fromarray(photo_of(99)).save(unsplit / "photos/s99_0.png")
    Image.new("L", (64, 48), 1).save(unsplit / "ids/s99_0.png")
    after = {sample.id: sample.split for sample in load_dataset(unsplit).samples}
    assert before.items() < after.items()


def test_given_splits_are_kept(make_set: MakeSet) -> None:
    root = make_set()
    (root / "dataset.yaml").write_text("splits: {train: 0.1, valid: 0.1, test: 0.8}\n")
    assert len(load_dataset(root).split("train")) == 4


def test_leave_one_scene_out(unsplit: Path) -> None:
    dataset = load_dataset(unsplit)
    rounds = list(leave_one_group_out(dataset))
    assert [held_out for held_out, _ in rounds] == [f"s{i}" for i in range(10)]
    for held_out, round_ in rounds:
        assert {sample.group for sample in round_.split("test")} == {held_out}
        assert len({sample.group for sample in round_.split("valid")}) == 1
        assert len(round_.split("train")) == 24


def test_leaving_out_takes_three_scenes(make_set: MakeSet) -> None:
    dataset = load_dataset(make_set())
    with pytest.raises(DataError, match="at least 3 scenes"):
        next(leave_one_group_out(dataset.with_samples(dataset.samples[:2])))
