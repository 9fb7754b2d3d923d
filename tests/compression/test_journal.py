from __future__ import annotations

import time
from pathlib import Path

import pytest

from descale.base.errors import ConfigError
from descale.compression.journal import FILE, Journal


def test_a_decision_is_made_once_and_outlives_a_restart(tmp_path: Path) -> None:
    clock = iter([0.0, 10.0, 20.0, 100.0, 130.0, 140.0]).__next__
    first = Journal(tmp_path, now=clock)
    assert first.once("epochs", lambda: 7) == 7
    assert first.once("epochs", lambda: 9) == 7
    first.save()
    second = Journal(tmp_path, now=clock)
    assert second.once("epochs", lambda: 9) == 7
    assert second.seconds == pytest.approx(50.0)  # 20 before the restart, which began at 100; now it is 130


def test_the_time_is_written_down_while_something_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("descale.compression.journal.EVERY", 0.01)
    journal = Journal(tmp_path, began=time.time() - 60)
    with journal.kept_up():
        until = time.time() + 10
        while not (tmp_path / FILE).is_file() and time.time() < until:
            time.sleep(0.01)
        assert Journal(tmp_path).seconds >= 60


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{")
    with pytest.raises(ConfigError, match=FILE):
        Journal(tmp_path)
