"""`descale plan`: what it refuses before it builds a network, and that pruning does what it shows."""

import json
import sys
from typing import Any

import pytest

from descale.base.errors import ExportError
from descale.cli import main
from descale.pruning import RECIPES


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sparsity", "0.9", "--allocation", "retained"], "ranks by scores"),
        (["--sparsity", "0.9", "--allocation", "unifrom"], "Unknown allocation"),
        (["--sparsity", "1"], "sparsity of 1 leaves nothing"),
        (["--budget", "macs=0.1", "--sparsity-over", "channels"], "a budget decides"),
        (["--sparsity", "0.9", "--engine", "openvino"], "--engine is for --budget latency"),
        (["--sparsity", "0.9", "--classes", "256"], "--classes"),
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


def test_the_plan_is_that_of_the_recipe_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [
        "--arch",
        "linknet",
        "--encoder",
        "tu-test_efficientnet",
        "--sparsity",
        "0.5",
        "--format",
        "json",
    ]
    monkeypatch.setattr(sys, "argv", ["descale", "plan", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    assert json.loads(capsys.readouterr().out)["allocation"] == RECIPES["descale"]["allocation"]


def test_a_network_that_could_never_be_exported_is_told(
    descale: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ExportError("it depends on the size")

    monkeypatch.setattr("descale.deploy.graph.trace_network", fails)
    told = descale(
        "plan", "--arch", "linknet", "--encoder", "tu-lcnet_050", "--sparsity", "0.5", "--format", "json"
    )
    assert "never exported: it depends on the size" in json.loads(told.out)["note"]
