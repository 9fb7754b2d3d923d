"""A study on a real Ray cluster of two nodes on this machine; workers and driver are killed on purpose."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.study.fake_runner import PATIENCE, STUDY, FakeRunner

from descale.base.errors import PartialFailure, StudyError
from descale.study.folder import Row
from descale.study.results import read_csv
from descale.study.run import open_study, run_study
from descale.study.trial import Trial

pytest.importorskip("ray", reason="Ray is an extra: pip install 'descale[ray]'")

PROCESSES = multiprocessing.get_context("forkserver")
SMALL = (
    STUDY.replace("seeds: [0, 1]", "seeds: [0]")
    .replace("[0.5, 0.9]", "[0.5]")
    .replace("[unet, fpn]", "[unet]")
)


class KilledOnce(FakeRunner):
    """The worker is killed in the middle of every first attempt at AGP."""

    def run(self, trial: Trial, trials: Path) -> Row:
        mark = trials.parent.parent / f"died-{trial.id}"
        if trial.strategy == "agp" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run(trial, trials)


def drive(file: Path, out: Path, runner: FakeRunner, address: str, store: str | None) -> None:
    from descale.cluster.ray_cluster import run_on_ray

    try:
        run_on_ray(open_study(file, out, runner), runner, address=address, store=store)
    except PartialFailure:
        sys.exit(3)


def start(*arguments: object) -> multiprocessing.process.BaseProcess:
    process = PROCESSES.Process(target=drive, args=arguments)
    process.start()
    return process


def undisturbed(file: Path, out: Path) -> bytes:
    runner = FakeRunner()
    run_study(open_study(file, out, runner), runner)
    return (out / "results.csv").read_bytes()


def test_killed_workers_are_retried_and_a_killed_driver_reconnects(ray_cluster: str, tmp_path: Path) -> None:
    file, out = tmp_path / "fake.yaml", tmp_path / "ray" / "out"
    file.write_text(SMALL)
    expected = undisturbed(file, tmp_path / "alone" / "out")
    first = start(file, out, KilledOnce(0.2), ray_cluster, None)
    while not list(out.glob("trials/*/result.json")):
        assert first.exitcode is None
        time.sleep(0.05)
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    first.join()
    second = start(file, out, KilledOnce(0.2), ray_cluster, None)
    second.join(PATIENCE)
    assert second.exitcode == 0
    assert (out / "results.csv").read_bytes() == expected
    assert len(list((tmp_path / "ray").glob("died-*"))) == 1
    runs = [path.read_text().splitlines() for path in (tmp_path / "ray" / "runs").iterdir()]
    assert [len(lines) for lines in runs] == [1] * 5


def test_results_in_a_store_come_home(ray_cluster: str, tmp_path: Path) -> None:
    file, out = tmp_path / "fake.yaml", tmp_path / "out"
    file.write_text(SMALL)
    expected = undisturbed(file, tmp_path / "alone" / "out")
    driver = start(file, out, FakeRunner(), ray_cluster, f"file://{tmp_path}/bucket")
    driver.join(PATIENCE)
    assert driver.exitcode == 0
    assert (out / "results.csv").read_bytes() == expected
    rows = read_csv(out / "results.csv")
    assert all((out / "trials" / row["trial"] / "model" / "model.json").is_file() for row in rows)
    assert not list((tmp_path / "bucket").rglob("work"))


def test_nobody_at_the_address(tmp_path: Path) -> None:
    from descale.cluster.ray_cluster import run_on_ray

    (tmp_path / "fake.yaml").write_text(SMALL)
    runner = FakeRunner()
    study = open_study(tmp_path / "fake.yaml", tmp_path / "out", runner)
    for address, message in (
        ("127.0.0.1:9", "no Ray cluster answers"),
        ("localhost:x", "expected HOST:PORT"),
    ):
        with pytest.raises(StudyError, match=message):
            run_on_ray(study, runner, address=address)


def test_neither_ray_nor_fsspec_is_imported_unasked() -> None:
    code = (
        "import sys, descale.study.run, descale.cli.study;"
        "print([name for name in ('ray', 's3fs') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
