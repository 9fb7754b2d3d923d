"""The folder of a run binds it to its settings and to one process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from descale.base.errors import ConfigError, DescaleError
from descale.training.run_folder import claimed_folder


def test_a_run_is_continued_with_its_settings_only(tmp_path: Path) -> None:
    for seed in (0, 1):  # nothing has been done with seed 0
        with claimed_folder(tmp_path, {"seed": seed}):
            pass
    (tmp_path / "last.ckpt").touch()
    with claimed_folder(tmp_path, {"seed": 1}):
        pass
    with pytest.raises(ConfigError, match=r"other settings \(seed\)"), claimed_folder(tmp_path, {"seed": 2}):
        pass


def test_a_run_is_continued_that_recorded_what_is_gone_and_did_without_it(tmp_path: Path) -> None:
    old = {"updates": 3, "distillation": 0.0, "temperature": 2.0, "views": 0}
    with (
        claimed_folder(tmp_path / "off", {"pruning": old}),
        claimed_folder(tmp_path / "used", {"pruning": {**old, "views": 4}}),
    ):
        for name in ("off", "used"):
            (tmp_path / name / "last.ckpt").touch()
    with claimed_folder(tmp_path / "off", {"pruning": {"updates": 3}}):
        pass
    with pytest.raises(ConfigError, match=r"other settings \(pruning\)"):
        claimed_folder(tmp_path / "used", {"pruning": {"updates": 3}}).__enter__()


def test_a_run_that_was_killed_before_its_record_is_no_other_run(tmp_path: Path) -> None:
    (tmp_path / "run.lock").touch()
    with claimed_folder(tmp_path, {"seed": 0}):
        assert (tmp_path / "run.json").is_file()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DescaleError, match=r"Cannot write .*file/run"):
        claimed_folder(tmp_path / "file" / "run", {"seed": 0}).__enter__()


def test_two_processes_do_not_work_in_one_folder(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from descale.training.run_folder import claimed_folder\n"
        "with claimed_folder(Path(sys.argv[1]), {'seed': 0}): print('mine', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"
        with pytest.raises(ConfigError, match="Another run is at work in"):
            claimed_folder(tmp_path, {"seed": 0}).__enter__()
        other.communicate()
    with claimed_folder(tmp_path, {"seed": 0}):
        pass


@pytest.mark.parametrize("text", ["{", "5", "[1]"])
def test_a_damaged_record_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ConfigError, match=r"run\.json is damaged .* Give another folder"):
        claimed_folder(tmp_path, {"seed": 1}).__enter__()
