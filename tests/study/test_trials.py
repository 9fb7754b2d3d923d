from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.study.fake_runner import STUDY, FakeRunner

from descale.base.errors import StudyError
from descale.base.located_yaml import parse
from descale.study.config import StudyConfig
from descale.study.trial import DataDescription, Trial
from descale.study.trials import expand


def config(text: str = STUDY) -> StudyConfig:
    return parse(text, StudyConfig, Path("study.yaml"))


def trials_of(text: str = STUDY) -> tuple[Trial, ...]:
    return expand(config(text), lambda data: FakeRunner().describe(data, Path()))


def test_the_matrix_is_whole() -> None:
    trials = trials_of()
    # per network and seed: dense, then 2 sparsities x (2 strategies + random + slim)
    assert len(trials) == 2 * 2 * (1 + 2 * 4)
    assert len({trial.id for trial in trials}) == len(trials)
    assert {trial.strategy for trial in trials} == {"dense", "linear", "agp", "random", "slim-scratch"}


def test_parents_come_first_and_are_of_the_same_network_and_seed() -> None:
    seen: dict[str, Trial] = {}
    for trial in trials_of():
        for parent in trial.parents:
            assert (seen[parent].architecture, seen[parent].seed) == (trial.architecture, trial.seed)
        seen[trial.id] = trial
    slim = next(trial for trial in seen.values() if trial.kind == "slim-scratch")
    assert slim.like is not None
    assert slim.dense is not None
    assert seen[slim.like].sparsity == slim.sparsity
    assert seen[slim.dense].kind == "dense"


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("name: fake", "name: other", set()),
        ("seeds: [0, 1]", "seeds: [0, 1]\ndevices: {loggers: [wandb]}", set()),
        ("seeds: [0, 1]", "seeds: [0, 1]\npruning: {recipe: paper}", {"pruned", "slim-scratch"}),
        ("seeds: [0, 1]", "seeds: [0, 1]\ntraining: {epochs: 3}", {"dense", "pruned", "slim-scratch"}),
        ("source: .", "source: .\n    binary: true", {"dense", "pruned", "slim-scratch"}),
        ("weights: none", "weights: imagenet", {"dense", "pruned", "slim-scratch"}),
    ],
)
def test_id_depends_on_what_determines_the_result(old: str, new: str, changed: set[str]) -> None:
    before, after = trials_of(), trials_of(STUDY.replace(old, new))
    found = {a.kind for a, b in zip(before, after, strict=True) if a.id != b.id}
    assert found == changed
    assert all(a.id != b.id for a, b in zip(before, after, strict=True) if a.kind in changed)


def test_other_data_are_other_trials() -> None:
    def describe(fingerprint: str) -> Any:
        return lambda data: DataDescription("set", fingerprint)

    one, other = expand(config(), describe("a")), expand(config(), describe("b"))
    assert not {trial.id for trial in one} & {trial.id for trial in other}


def test_photos_without_corrosion_count_only_where_they_are_named() -> None:
    def trials(clean: str | None) -> tuple[Trial, ...]:
        return expand(config(), lambda data: DataDescription("set", "a", clean=clean))

    none, one, other = trials(None), trials("b"), trials("c")
    assert all("clean" not in trial.determinants for trial in none)
    assert len({trial.id for trial in (*none, *one, *other)}) == 3 * len(none)


def test_encoder_weights_count_by_content(tmp_path: Path) -> None:
    def ids(name: str, content: bytes) -> list[str]:
        (tmp_path / name).write_bytes(content)
        changed = config().model_copy(update={"encoder_weights": str(tmp_path / name)})
        return [trial.id for trial in expand(changed, lambda data: DataDescription("set", "a"))]

    first = ids("one.pth", b"1")
    assert ids("moved.pth", b"1") == first
    assert ids("one.pth", b"2") != first


def test_leave_one_out_has_a_fold_per_photo_and_pools_them() -> None:
    trials = trials_of(STUDY.replace("source: .", "source: .\n    leave_one_out: true"))
    pooled = [trial for trial in trials if trial.kind == "pooled"]
    assert len(pooled) == 2 * 2 * 9
    assert all(len(trial.folds) == 3 for trial in pooled)
    by_id = {trial.id: trial for trial in trials}
    for trial in pooled:
        assert {by_id[fold].fold for fold in trial.folds} == {"a", "b", "c"}
        assert {by_id[fold].strategy for fold in trial.folds} == {trial.strategy}
        assert (trial.dense is None) == (trial.strategy == "dense")


def test_two_sets_of_one_name_are_refused() -> None:
    text = STUDY.replace("  - source: .", "  - source: .\n  - source: ./other")
    with pytest.raises(StudyError, match="called 'set'"):
        trials_of(text)


def test_two_names_for_the_same_trials_are_refused() -> None:
    text = STUDY.replace("  - source: .", "  - {source: ., name: one}\n  - {source: ., name: two}")
    with pytest.raises(StudyError, match="'one' and 'two' hold the same photos with the same settings"):
        trials_of(text)
    other = trials_of(text.replace("name: two", "name: two, binary: true"))
    assert {trial.dataset for trial in other} == {"one", "two"}


def test_missing_encoder_weights_are_refused() -> None:
    with pytest.raises(StudyError, match=r"nowhere\.pth not found"):
        trials_of(STUDY.replace("weights: none", "weights: nowhere.pth"))
