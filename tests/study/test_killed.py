"""A study killed at random moments, and several processes on one study at once."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.study.fake_runner import PATIENCE, FakeRunner

from descale.base.claims import claim
from descale.study.results import read_csv
from descale.study.run import open_study, run_study

KILLS = 24
PROCESSES = multiprocessing.get_context("forkserver")


def work(file: Path, out: Path, seconds: float) -> None:
    os.setsid()
    runner = FakeRunner(seconds)
    run_study(open_study(file, out, runner), runner)


def start(target: Callable[..., None], *arguments: object) -> BaseProcess:
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    return process


def undisturbed(file: Path, out: Path) -> bytes:
    runner = FakeRunner()
    run_study(open_study(file, out, runner), runner)
    return (out / "results.csv").read_bytes()


def done_by(runs: Path) -> set[int]:
    """Processes that have finished a trial."""
    files = runs.iterdir() if runs.is_dir() else ()
    return {int(line) for path in files for line in path.read_text().splitlines()}


def assert_nothing_torn(out: Path) -> None:
    for path in (out / "trials").glob("*/*.json"):
        with contextlib.suppress(FileNotFoundError):  # a notice of work in progress may just have gone
            json.loads(path.read_text())
    if (out / "results.csv").exists():
        rows = read_csv(out / "results.csv")
        assert all(None not in row and None not in row.values() for row in rows)


def test_killed_at_random_moments_it_ends_with_the_same_results(study_file: Path, tmp_path: Path) -> None:
    expected = undisturbed(study_file, tmp_path / "undisturbed" / "out")
    out = tmp_path / "killed" / "out"
    chance = random.Random(7)
    kills = 0
    process = start(work, study_file, out, 0.1)
    while kills < KILLS:
        time.sleep(chance.uniform(0.02, 0.25))
        if not process.is_alive():
            break
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        kills += 1
        assert_nothing_torn(out)
        process = start(work, study_file, out, 0.1)
    process.join()
    assert process.exitcode == 0
    assert kills >= 20, "the study was over before it had been killed often enough"
    assert (out / "results.csv").read_bytes() == expected
    runs = [path.read_text().splitlines() for path in (tmp_path / "killed" / "runs").iterdir()]
    # A kill between the end of a run and the writing of its result repeats that run; no more than that.
    assert sum(len(lines) for lines in runs) <= 36 + kills
    assert not list(out.rglob("*.part"))


def test_two_processes_share_a_study(study_file: Path, tmp_path: Path) -> None:
    expected = undisturbed(study_file, tmp_path / "undisturbed" / "out")
    out = tmp_path / "shared" / "out"
    processes = [start(work, study_file, out, 0.05) for _ in range(3)]  # long enough that all three join in
    while any(process.is_alive() for process in processes):
        assert_nothing_torn(out)
        time.sleep(0.02)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (out / "results.csv").read_bytes() == expected
    runs = [path.read_text().splitlines() for path in (tmp_path / "shared" / "runs").iterdir()]
    assert [len(lines) for lines in runs] == [1] * 36
    assert len({line for lines in runs for line in lines}) > 1, "one process did everything"


def test_a_process_takes_over_from_one_that_was_killed(study_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    victim, survivor = start(work, study_file, out, 0.1), start(work, study_file, out, 0.1)
    assert victim.pid is not None
    deadline = time.monotonic() + PATIENCE
    while victim.pid not in done_by(tmp_path / "runs"):  # it works on the next trial now, or is about to
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    survivor.join()
    assert survivor.exitcode == 0
    assert {row["status"] for row in read_csv(out / "results.csv")} == {"ok"}


def hold(path: Path) -> None:
    with claim(path):
        time.sleep(60)


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "x.lock"
    holder = start(hold, path)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with claim(path) as mine:
            if not mine:
                break
        time.sleep(0.01)
    else:
        raise AssertionError("the other process never held the claim")
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with claim(path) as mine:
        assert mine
        with claim(path) as again:
            assert not again
