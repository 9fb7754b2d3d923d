"""`descale plan`: what it refuses before it builds a network."""

import sys

import pytest

from descale.cli import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sparsity", "0.9", "--allocation", "retained"], "ranks by scores"),
        (["--sparsity", "0.9", "--allocation", "unifrom"], "Unknown allocation"),
        (["--sparsity", "1"], "outside 0..1"),
        ([], "Give --sparsity"),
    ],
)
def test_refusals_say_why(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["descale", "plan", "--arch", "unet", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code not in (0, None)
    assert said in " ".join(capsys.readouterr().err.split())
