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


@pytest.mark.parametrize("option", ["--rounds", "--runs", "--csv"])
def test_what_is_for_bundles_is_refused_where_only_layers_are_timed(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["descale", "benchmark", "--dense", "model", "--table", "t.csv", option, "3"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code != 0
    assert f"{option} is for bundles" in capsys.readouterr().err
