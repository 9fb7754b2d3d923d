from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from tests.study.fake_runner import FakeRunner

from descale.base.columns import COLUMNS
from descale.base.errors import PartialFailure, StudyError, TimeIsUp
from descale.study.folder import StudyFolder
from descale.study.results import read_csv
from descale.study.run import open_study, run_study
from descale.training.deadline import Deadline

ALWAYS = tuple(name for name, column in COLUMNS.items() if column.always)


def run(
    file: Path, out: Path, runner: FakeRunner, parallel: int = 1, threads: int | None = None
) -> list[dict[str, str]]:
    run_study(open_study(file, out, runner), runner, parallel=parallel, threads=threads)
    return read_csv(out / "results.csv")


def times_run(out: Path) -> list[int]:
    return [len(path.read_text().splitlines()) for path in sorted((out.parent / "runs").iterdir())]


def test_every_trial_once_with_all_columns(study_file: Path, out: Path) -> None:
    rows = run(study_file, out, FakeRunner())
    assert tuple(rows[0])[: len(ALWAYS)] == ALWAYS
    assert [row["status"] for row in rows] == ["ok"] * 36
    assert (rows[0]["strategy"], rows[0]["sparsity"]) == ("dense", "0")
    assert times_run(out) == [1] * 36
    before = (out / "results.csv").read_bytes()
    run(study_file, out, FakeRunner())
    assert times_run(out) == [1] * 36
    assert (out / "results.csv").read_bytes() == before


def test_nothing_unfinished_is_left(study_file: Path, out: Path) -> None:
    run(study_file, out, FakeRunner())
    names = {path.name for path in out.rglob("*")}
    assert not names & {"work", "running.json", "failure.json"}
    assert not [name for name in names if name.endswith((".part", ".old"))]


def test_what_a_killed_attempt_was_writing_is_removed_wherever_it_is(study_file: Path, out: Path) -> None:
    trials = open_study(study_file, out, FakeRunner()).trials
    for place in ("", "model", "log"):
        folder = out / "trials" / trials[0].id / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".model.json.abc.part").touch()
    run(study_file, out, FakeRunner())
    assert not list(out.rglob("*.part"))


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_study_whose_time_is_up_goes_on_where_its_folder_then_lies(
    study_file: Path, out: Path, parallel: int
) -> None:
    """A training stops between two epochs: it is neither failed nor begun anew."""
    stopping = FakeRunner(stops="fpn/resnet18 agp 0.9 seed 0")
    study = open_study(study_file, out, stopping)
    hour = Deadline(time.time() + 3600)
    with pytest.raises(TimeIsUp, match=r"trials are done, 0 failed, \d+ are left\. Run the same command"):
        run_study(study, stopping, parallel=parallel, threads=1, deadline=hour)
    (stopped,) = [trial for trial in study.trials if stopping.stops in trial.title]
    assert (out / "trials" / stopped.id / "work" / "epoch0").exists()
    assert not (out / "trials" / stopped.id / "failure.json").exists()
    moved = out.rename(out.with_name("moved"))
    rows = run(study_file, moved, FakeRunner())
    assert [row["status"] for row in rows] == ["ok"] * 36
    assert times_run(moved) == [1] * 36


@pytest.mark.parametrize("parallel", [1, 2])
def test_models_may_be_left_behind_and_those_that_others_begin_with_are_made_again(
    study_file: Path, out: Path, parallel: int, caplog: pytest.LogCaptureFixture
) -> None:
    run(study_file, out, FakeRunner())
    for model in out.glob("trials/*/model"):
        shutil.rmtree(model)
    run(study_file, out, FakeRunner(), parallel=parallel)
    assert times_run(out) == [1] * 36  # nothing is left to do, so no model is missed
    trials = open_study(study_file, out, FakeRunner()).trials
    (slim,) = [trial for trial in trials if "unet/resnet18 slim-scratch 0.9 seed 1" in trial.title]
    assert slim.like is not None
    again = {slim.id, slim.like, next(trial.dense for trial in trials if trial.id == slim.like)}
    (out / "trials" / slim.id / "result.json").unlink()
    rows = run(study_file, out, FakeRunner(), parallel=parallel, threads=1)
    assert [row["status"] for row in rows] == ["ok"] * 36
    counts = {path.name: len(path.read_text().splitlines()) for path in (out.parent / "runs").iterdir()}
    assert {name for name, count in counts.items() if count == 2} == again
    assert caplog.text.count("it is trained again") == 2


def test_no_trial_begins_after_the_deadline(study_file: Path, out: Path) -> None:
    runner = FakeRunner()
    with pytest.raises(TimeIsUp, match="0 of 36 trials are done, 0 failed, 36 are left"):
        run_study(open_study(study_file, out, runner), runner, deadline=Deadline(time.time() - 1))
    assert not (out.parent / "runs").exists()


def hold_manifest(root: Path, held: Any, swept: Any) -> None:
    """Be in the middle of writing the manifest, until the other process had time to sweep."""
    with StudyFolder(root).exclusive("manifest"):
        temporary = root / ".study.json.abc.part"
        temporary.touch()
        held.set()
        swept.wait(1)
        os._exit(0 if temporary.exists() else 1)


def test_what_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "trials").mkdir()
    processes = multiprocessing.get_context("forkserver")
    held, swept = processes.Event(), processes.Event()
    writer = processes.Process(target=hold_manifest, args=(tmp_path, held, swept))
    writer.start()
    assert held.wait(60)
    for name in (".results.csv.abc.part", ".report.html.abc.part"):
        (tmp_path / name).touch()
    StudyFolder(tmp_path).sweep()  # waits for the writer, which is gone then
    swept.set()
    writer.join()
    assert writer.exitcode == 0
    assert [path.name for path in tmp_path.glob(".*.part")] == [".report.html.abc.part"]


def test_a_larger_study_reuses_what_is_done(study_file: Path, out: Path) -> None:
    run(study_file, out, FakeRunner())
    study_file.write_text(study_file.read_text().replace("seeds: [0, 1]", "seeds: [0, 1, 2]"))
    assert len(run(study_file, out, FakeRunner())) == 54
    assert times_run(out) == [1] * 54


def test_a_failure_is_recorded_the_rest_goes_on_and_a_rerun_retries(study_file: Path, out: Path) -> None:
    broken = out.parent / "broken"
    broken.touch()
    runner = FakeRunner(fails="fpn/resnet18 dense seed 1")
    with pytest.raises(PartialFailure, match="9 of 36"):
        run(study_file, out, runner)
    rows = read_csv(out / "results.csv")
    failed = [row for row in rows if row["status"] != "ok"]
    assert failed[0]["status"] == "failed: the loss is not finite at epoch 3; lower the learning rate"
    assert failed[1]["status"] == f"failed: its parent {failed[0]['trial']} failed"
    assert all("its parent" in row["status"] for row in failed[1:])
    assert {(row["architecture"], row["seed"]) for row in failed} == {("fpn", "1")}
    broken.unlink()
    assert {row["status"] for row in run(study_file, out, runner)} == {"ok"}
    assert times_run(out) == [1] * 36


def test_manifest_tells_what_made_it(study_file: Path, out: Path) -> None:
    run(study_file, out, FakeRunner())
    run(study_file, out, FakeRunner())
    manifest = json.loads((out / "study.json").read_text())
    assert manifest["study_text"] == study_file.read_text()
    assert manifest["data"][0]["fingerprint"] == "f" * 64
    assert len(manifest["starts"]) == 2
    start = manifest["starts"][-1]
    assert start["versions"]["torch"]
    assert start["machine"]["cores"] >= 1
    assert start["command"]


def test_results_can_be_derived_again(study_file: Path, out: Path) -> None:
    run(study_file, out, FakeRunner())
    before = (out / "results.csv").read_bytes()
    (out / "results.csv").unlink()
    run(study_file, out, FakeRunner())
    assert (out / "results.csv").read_bytes() == before


def test_a_folder_of_something_else_is_refused(study_file: Path, tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "photo.jpg").touch()
    with pytest.raises(StudyError, match="not a study's"):
        open_study(study_file, tmp_path / "holiday", FakeRunner())
    with pytest.raises(StudyError, match="is a file"):
        open_study(study_file, study_file, FakeRunner())


def test_a_damaged_result_is_told_not_guessed(study_file: Path, out: Path) -> None:
    rows = run(study_file, out, FakeRunner())
    result = out / "trials" / rows[3]["trial"] / "result.json"
    result.write_text("{half")
    with pytest.raises(StudyError, match="Delete it"):
        run(study_file, out, FakeRunner())
    result.unlink()
    run(study_file, out, FakeRunner())


def test_unreasonable_number_of_threads(study_file: Path, out: Path) -> None:
    with pytest.raises(StudyError, match="--threads 0"):
        run(study_file, out, FakeRunner(), threads=0)


def test_threads_of_the_study_file_and_others_are_refused(study_file: Path, out: Path) -> None:
    study_file.write_text(study_file.read_text() + "devices: {threads: 2}\n")
    study = open_study(study_file, out, FakeRunner())
    with pytest.raises(StudyError, match="study file says 2"):
        run_study(study, FakeRunner(), threads=4)
    run_study(study, FakeRunner())
    assert json.loads((out / "study.json").read_text())["starts"][-1]["threads"] == 2


def test_unreasonable_number_of_processes(study_file: Path, out: Path) -> None:
    with pytest.raises(StudyError, match="--parallel 0"):
        run(study_file, out, FakeRunner(), parallel=0)
