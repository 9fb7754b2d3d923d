from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
from tests.study.fake_runner import FakeRunner

from descale.base.errors import PartialFailure
from descale.study import parallel
from descale.study.folder import Row
from descale.study.results import read_csv
from descale.study.run import open_study, run_study
from descale.study.trial import Trial


class DeadlyRunner(FakeRunner):
    """The process is killed in the middle of some trials: once, or every time."""

    def run(self, trial: Trial, trials: Path) -> Row:
        once = trials.parent.parent / f"died-{trial.id}"
        if trial.strategy == "agp" and (trial.sparsity == 0.9 or not once.exists()):
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run(trial, trials)


def test_worker_that_dies_is_replaced_and_its_trial_continued_then_given_up(
    study_file: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "START_METHOD", "forkserver")  # spawned ones would spend long on imports
    study_file.write_text(study_file.read_text().replace("[0, 1]", "[0]").replace("[unet, fpn]", "[unet]"))
    runner = DeadlyRunner()
    with pytest.raises(PartialFailure):
        run_study(open_study(study_file, out, runner), runner, parallel=2)
    status = {(row["strategy"], row["sparsity"]): row["status"] for row in read_csv(out / "results.csv")}
    assert status["agp", "0.5"] == "ok"
    assert status["agp", "0.9"].startswith(
        "failed: its process was killed by signal 9, 2 times; out of memory?"
    )
    assert sum(value == "ok" for value in status.values()) == 8


def test_worker_that_dies_is_known_even_when_the_next_has_taken_its_trial(
    study_file: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "START_METHOD", "forkserver")
    monkeypatch.setattr(
        parallel, "wait", lambda _sentinels, timeout: time.sleep(2.0)
    )  # the parent looks late
    study_file.write_text(study_file.read_text().replace("[0, 1]", "[0]").replace("[unet, fpn]", "[unet]"))
    runner = DeadlyRunner()
    with pytest.raises(PartialFailure):
        run_study(open_study(study_file, out, runner), runner, parallel=2)
    assert sum(row["status"] == "ok" for row in read_csv(out / "results.csv")) == 8


def drive(file: Path, out: Path) -> None:
    parallel.START_METHOD = "forkserver"
    runner = FakeRunner(0.2)
    run_study(open_study(file, out, runner), runner, parallel=2)


def test_workers_end_with_the_study_that_is_killed(study_file: Path, out: Path) -> None:
    study = multiprocessing.get_context("forkserver").Process(target=drive, args=(study_file, out))
    study.start()
    deadline = time.monotonic() + 60
    while not list(out.glob("trials/*/result.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    study.kill()
    study.join()
    time.sleep(0.5)  # the workers' last moment
    before = len(list(out.glob("trials/*/result.json")))
    assert 0 < before < 36
    time.sleep(1.0)
    assert len(list(out.glob("trials/*/result.json"))) == before, "workers went on without their study"
    runner = FakeRunner()
    run_study(open_study(study_file, out, runner), runner)
    assert {row["status"] for row in read_csv(out / "results.csv")} == {"ok"}


def test_interrupted_study_can_be_continued(study_file: Path, out: Path) -> None:
    class Interrupted(FakeRunner):
        def run(self, trial: Trial, trials: Path) -> Row:
            if trial.strategy == "agp":
                raise KeyboardInterrupt
            return super().run(trial, trials)

    runner = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        run_study(open_study(study_file, out, runner), runner)
    assert len(read_csv(out / "results.csv")) == 2
    calm = FakeRunner()
    run_study(open_study(study_file, out, calm), calm)
    assert len(read_csv(out / "results.csv")) == 36
