"""How a command ends: one message, the right status, no traceback unless asked for."""

from __future__ import annotations

import errno
import sys

import pytest

from descale.base.errors import DataError, PartialFailure
from descale.cli import main

INTERRUPTS = {
    "plain": "raise KeyboardInterrupt",
    "as a library may end it": "try:\n  raise KeyboardInterrupt\nexcept KeyboardInterrupt:\n  sys.exit(1)",
    "as some versions of typer end it": (
        "try:\n  raise KeyboardInterrupt\nexcept KeyboardInterrupt as e:\n  raise typer.Abort() from e"
    ),
}


def end_by(
    error: BaseException | str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *options: str,
) -> tuple[int, str]:
    """Run ``descale report x`` whose work raises ``error`` (or runs this text); status and messages."""
    import typer

    def work(_folder: object) -> None:
        if isinstance(error, str):
            exec(error, {"sys": sys, "typer": typer})
        else:
            raise error

    monkeypatch.setattr("descale.report.write.write_report", work)
    monkeypatch.setattr(sys, "argv", ["descale", "report", "x", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize("way", INTERRUPTS)
def test_ctrl_c_says_how_to_go_on(
    way: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = end_by(INTERRUPTS[way], monkeypatch, capsys)
    assert status == 130
    assert "interrupted; run the same command again to continue" in said


def test_an_exit_that_is_no_interrupt_stays_what_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_by("raise typer.Exit(4)", monkeypatch, capsys) == (4, "")


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (DataError("a.jpg: broken. Copy it again."), 1, "error: a.jpg: broken. Copy it again."),
        (PartialFailure("2 of 9 failed."), 3, "error: 2 of 9 failed."),
        (
            OSError(errno.ENOSPC, "No space left on device", "/out/[x]"),
            1,
            "device (/out/[x]). Free some space",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/out"), 1, "correct its permissions"),
    ],
)
def test_errors_are_one_message(
    error: Exception,
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found, said = end_by(error, monkeypatch, capsys)
    assert found == status
    assert message in said
    assert "Traceback" not in said
    with pytest.raises(type(error)):  # hence a traceback
        end_by(error, monkeypatch, capsys, "--debug")
