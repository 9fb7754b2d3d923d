"""Shots of one scene stay together, and photos added later move nobody."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.data.conftest import MakeSet, photo_of

from descale.base.errors import DataError
from descale.data import load_dataset
from descale.data.check import CheckReport, check_dataset
from descale.data.description import Splits
from descale.data.scenes import ByName, ByPattern, ByRun, ByStem
from descale.data.splits import split_of


def test_a_pattern_whose_group_takes_no_part_says_so() -> None:
    rule = ByPattern(rule="pattern", pattern="^(?:(IMG_[0-9]+)|(DSC_[0-9]+))")
    assert rule.scene("IMG_0012") == "IMG_0012"
    with pytest.raises(DataError, match="finds nothing in the file name 'DSC_0012'"):
        rule.scene("DSC_0012")


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
    with pytest.raises(DataError, match=r"'\^b' finds nothing in the file name 'a1'"):
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


NUMBERS = range(30)
PIXELS = (0, 192, 384)
CASES = {
    "tiles": ([f"tile_{i:04d}_x{x}_y{y}" for i in range(9) for x in (0, 256) for y in (0, 256)], 9),
    "tiles by row and column": (
        [f"IMG_{i}_{r}_{c}" for i in range(9) for r in range(3) for c in range(3)],
        9,
    ),
    "tiles after letters": ([f"{a}-{y}-{x}" for a in "abcdefgh" for y in PIXELS for x in PIXELS], 8),
    "tiles after words": (
        [f"{a}_x{x}_y{y}" for a in ("north", "pier", "old dock") for y in PIXELS for x in PIXELS],
        3,
    ),
    "tiles of four numbered photos": (
        [f"site{i}_{y}_{x}" for i in range(4) for y in PIXELS for x in PIXELS],
        4,
    ),
    "tiles with all four edges": (
        [f"{a}_{x}_{y}_{x + 256}_{y + 256}" for a in "abc" for y in PIXELS for x in PIXELS],
        3,
    ),
    "tiles of photos of several sizes": (
        [f"{a}_{y}_{x}" for i, a in enumerate("abc") for y in (*PIXELS, 501 + i) for x in (*PIXELS, 517 + i)],
        3,
    ),
    "rows and columns of many photos": (
        [f"{a}_r{r}_c{c}" for a in "abcdefgh" for r in range(4) for c in range(4)],
        8,
    ),
    "bursts of two cameras": (
        [f"{a}_{i:04d}_{k}" for a in ("IMG", "DSC") for i in NUMBERS for k in (1, 2)],
        60,
    ),
    "frames of films": ([f"GOPR{i:04d}_frame_{k:05d}" for i in range(6) for k in NUMBERS], 6),
    "bursts": (["IMG_2041", "IMG_2041-2", "IMG_2041-3", *(f"IMG_{i}" for i in range(3000, 3020))], 21),
    "copies": (["photo", "photo (2)", "photo - Copy", *(f"wall{i}" for i in NUMBERS)], 31),
    "left and right": ([f"{i:04d}_{side}" for i in NUMBERS for side in ("left", "right")], 30),
    "one camera": ([f"IMG_{i:04d}" for i in range(900)], 900),
    "two cameras": ([f"{name}{i:04d}" for name in ("IMG_", "DSC") for i in range(300)], 600),
    "one day": ([f"IMG_20240503_{i:06d}" for i in range(300)], 300),
    "one film": ([f"a1_frame_{i:05d}" for i in range(300)], 300),
    "renamed together": ([f"rust ({i})" for i in range(200)], 200),
    "downloads": (["images", *(f"images ({i})" for i in range(200))], 201),
    "random names": ([f"{i * 7919 % 1000003:x}" for i in range(1, 300)], 299),
}


@pytest.mark.parametrize(("stems", "scenes"), CASES.values(), ids=CASES.keys())
def test_numbers_after_a_name_tell_scenes_and_counters_do_not(stems: list[str], scenes: int) -> None:
    found = ByStem(rule="stem").scenes(stems)
    assert len(set(found)) == scenes
    assert all(stem.startswith(scene) for stem, scene in zip(stems, found, strict=True))


@pytest.fixture
def make_undivided(tmp_path: Path) -> MakeSet:
    """Photos in one folder, under the names given."""

    def write(stems: list[str], described: str = "") -> Path:
        for folder in ("photos", "ids"):
            (tmp_path / folder).mkdir()
        for seed, stem in enumerate(stems):
            Image.fromarray(photo_of(seed)).save(tmp_path / "photos" / f"{stem}.png")
            Image.new("L", (64, 48), 1).save(tmp_path / "ids" / f"{stem}.png")
        (tmp_path / "dataset.yaml").write_text(f"images: photos\nlabels: ids\n{described}")
        return tmp_path

    return write


def kinds(report: CheckReport) -> dict[str, tuple[str, ...]]:
    return {finding.kind: finding.items for finding in report.findings}


APART = "numbered photos dealt one by one"


def test_tiles_of_one_photo_are_dealt_together(make_undivided: MakeSet) -> None:
    root = make_undivided([f"tile_{i:04d}_x{x}_y{y}" for i in range(8) for x in (0, 256) for y in (0, 256)])
    splits: dict[str, set[str]] = {}
    for sample in load_dataset(root).samples:
        splits.setdefault(sample.id[:9], set()).add(sample.split)
    assert [len(found) for found in splits.values()] == [1] * 8
    report = check_dataset(root)
    assert "32 photos dealt as 8 scenes" in str(report.dealing)
    assert APART not in kinds(report)


TILES = "tiles in two splits"


def test_tiles_of_photos_called_by_letters_are_dealt_together(make_undivided: MakeSet) -> None:
    root = make_undivided([f"{a}-{y}-{x}" for a in "abcdef" for y in (0, 192) for x in (0, 192)])
    splits: dict[str, set[str]] = {}
    for sample in load_dataset(root).samples:
        splits.setdefault(sample.id[0], set()).add(sample.split)
    assert [len(found) for found in splits.values()] == [1] * 6
    assert TILES not in kinds(check_dataset(root))


def test_names_that_may_be_those_of_tiles_are_told_with_a_rule_that_keeps_them(
    make_undivided: MakeSet,
) -> None:
    root = make_undivided([f"{a}_{r}_{c}" for a in ("pier", "dock") for r in range(4) for c in range(4)])
    report = check_dataset(root)
    (found,) = (one for one in report.findings if one.kind == TILES)
    assert {item.split(":")[0] for item in found.items} <= {"dock", "pier"}
    assert not found.falsifying
    proposed = re.search(r"'(groups: \{rule: pattern, .*?\})'", found.message)
    assert proposed
    (root / "dataset.yaml").write_text(f"images: photos\nlabels: ids\n{proposed[1]}\n")
    report = check_dataset(root)
    assert "32 photos dealt as 2 scenes" in str(report.dealing)
    assert TILES not in kinds(report)


def test_tiles_of_one_photo_in_two_given_splits_are_told(make_set: MakeSet) -> None:
    root = make_set(counts=(8, 2, 2))
    names = [f"{photo}_{y}_{x}" for photo in ("pier", "dock", "wall") for y in (0, 64) for x in (0, 64)]
    for photo, name in zip(sorted(root.glob("*/images/*")), names, strict=True):
        mask = photo.parent.parent / "masks" / photo.name
        for path in (photo, mask):
            path.rename(path.with_name(f"{name}.png"))
    report = check_dataset(root)
    apart = {item.split(":")[0] for item in kinds(report)[TILES]}
    held = {name: {s.split for s in load_dataset(root).samples if s.id.startswith(name)} for name in apart}
    assert apart
    assert all(len(splits) > 1 for splits in held.values())
    assert not report.falsifying
    (root / "dataset.yaml").write_text("groups: {rule: name}\n")
    assert TILES not in kinds(check_dataset(root))


def test_a_camera_s_counter_is_dealt_one_by_one_and_told(make_undivided: MakeSet) -> None:
    root = make_undivided([f"IMG_{i:04d}" for i in range(30)])
    report = check_dataset(root)
    assert "each photo by itself" in str(report.dealing)
    assert min(report.pairs.values()) > 0
    counts = ", ".join(f"{count} in {split}" for split, count in report.pairs.items())
    assert kinds(report)[APART] == (f"IMG_#: {counts}",)
    assert not report.falsifying
    (root / "dataset.yaml").write_text("images: photos\nlabels: ids\ngroups: {rule: name}\n")
    assert APART not in kinds(check_dataset(root))


def test_names_of_a_set_that_came_divided_are_not_read_for_more(make_set: MakeSet) -> None:
    root = make_set(counts=(10, 5, 5))
    for number, photo in enumerate(sorted(root.glob("*/images/*"))):
        mask = photo.parent.parent / "masks" / photo.name
        for path in (photo, mask):
            path.rename(path.with_name(f"site{number % 5}_{number}.png"))
    report = check_dataset(root)
    assert report.dealing is None
    assert "scene in two splits" not in kinds(report)
    (root / "dataset.yaml").write_text("groups: {rule: stem}\n")
    assert "scene in two splits" in kinds(check_dataset(root))


def test_an_empty_split_is_filled_by_the_seed_that_is_proposed(make_undivided: MakeSet) -> None:
    stems = [f"site{i}_{k}" for i in range(5) for k in range(3)]
    seed = next(s for s in range(9) if len({split_of(f"site{i}", Splits(seed=s)) for i in range(5)}) < 3)
    root = make_undivided(stems, f"splits: {{seed: {seed}}}\n")
    (empty,) = (finding for finding in check_dataset(root).findings if finding.kind == "empty split")
    proposed = re.search(
        r"'(splits: \{.*\})' .* \(gives (\d+) train, (\d+) valid, (\d+) test\)", empty.message
    )
    assert proposed
    (root / "dataset.yaml").write_text(f"images: photos\nlabels: ids\n{proposed[1]}\n")
    report = check_dataset(root)
    assert [str(count) for count in report.pairs.values()] == list(proposed.groups()[1:])
    assert "0" not in proposed.groups()[1:]


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


def test_whoever_divides_anew_keeps_numbered_names_together(make_set: MakeSet) -> None:
    root = make_set(counts=(3, 3, 3))
    for split in ("train", "valid", "test"):
        for folder in ("images", "masks"):
            for number, path in enumerate(sorted((root / split / folder).iterdir())):
                place = ("0_0", "0_64", "64_0")[number]
                path.rename(path.with_name(f"{split}pier_{place}{path.suffix}"))
    assert len({sample.group for sample in load_dataset(root).samples}) == 9
    groups = {sample.id: sample.group for sample in load_dataset(root, regroup=True).samples}
    assert len(set(groups.values())) == 3
    assert groups["trainpier_0_0"] == groups["trainpier_64_0"]


def test_numbers_that_begin_anew_in_every_split_are_no_scene(make_set: MakeSet) -> None:
    root = make_set(counts=(3, 3, 3))
    for split in ("train", "valid", "test"):
        for folder in ("images", "masks"):
            for number, path in enumerate(sorted((root / split / folder).iterdir())):
                path.rename(path.with_name(f"{number:03d}.new{path.suffix}"))
            for path in sorted((root / split / folder).iterdir()):
                path.rename(path.with_name(path.name.replace(".new", "")))
    report = check_dataset(root)
    assert "scene in two splits" not in kinds(report)
    assert not report.falsifying
    (root / "dataset.yaml").write_text("groups: {rule: name}\n")
    assert "scene in two splits" in kinds(check_dataset(root)), "who says that names tell scenes is believed"
