"""The command ``study`` hands on what was asked for, and refuses what cannot run before it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from descale.base.errors import StudyError, TimeIsUp
from descale.cli.study import study

TEXT = """
name: tiny
data: [{source: STEEL}]
architectures: [unet]
encoders: [resnet18]
encoder_weights: none
strategies: [agp]
sparsities: [0.5]
"""


@pytest.fixture
def file(tmp_path: Path, steel: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TEXT.replace("STEEL", str(steel)))
    return path


@pytest.mark.parametrize(("parallel", "bar"), [(1, True), (2, False)])
def test_workers_show_no_bars_of_their_own(
    parallel: int, bar: bool, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runners: list[Any] = []
    monkeypatch.setattr("descale.study.run.run_study", lambda _, runner, **settings: runners.append(runner))
    study(file, tmp_path / "out", parallel=parallel, threads=None, ray=None, store=None, report=False)
    assert [runner.devices.progress for runner in runners] == [bar]


def test_the_list_is_printed_and_nothing_runs(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study(file, tmp_path / "out", list_only=True)
    printed = capsys.readouterr().out
    assert "synthetic-2 unet/resnet18 agp 0.5 seed 0  to do" in printed
    assert "0 of 2 done, 0 failed" in printed
    assert not any((tmp_path / "out" / "trials").iterdir())


def test_time_that_is_up_is_said_with_a_status_of_its_own(file: Path, tmp_path: Path) -> None:
    with pytest.raises(TimeIsUp, match="0 of 2 trials are done, 0 failed, 2 are left") as stopped:
        study(file, tmp_path / "out", minutes=0)
    assert stopped.value.exit_status == 4
    assert not any((tmp_path / "out" / "trials").iterdir())


def test_a_device_that_is_not_there_ends_it_before_the_folder_is_made(file: Path, tmp_path: Path) -> None:
    file.write_text(file.read_text() + "devices:\n  precision: fp9\n")
    with pytest.raises(StudyError, match=r"tiny\.yaml:10: devices\.precision: unknown precision 'fp9'"):
        study(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()
