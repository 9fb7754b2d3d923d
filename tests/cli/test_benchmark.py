"""Numbers that make no sense are refused before anything is measured."""

from __future__ import annotations

import sys

import pytest

from descale.cli import main


@pytest.mark.parametrize("threads", ["0", "-1", "99999"])
def test_threads_that_do_not_exist(
    threads: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["descale", "benchmark", "nothing.zip", "--threads", threads])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code != 0
    assert "--threads" in capsys.readouterr().err
