"""Options of ``train`` that are wrong end in one message, before anything is written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from descale.cli import main
from descale.pruning.config import PruningConfig
from descale.training.config import TrainingConfig


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["descale", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "ema=1.5"], "ema: Input should be less than 1"),
        (["--set", "ema=-1"], "ema: Input should be greater than 0"),
        (["--set", "precision=fp8"], "unknown precision 'fp8'"),
        (["--set", "devices=0"], "0 devices cannot share a training"),
        (["--set", "devices=-1"], "-1 devices cannot share a training"),
        (["--set", "optimizer=adam"], "training.optimizer: Input should be 'adamw' or 'sgd'"),
        (["--set", "batchsize=8"], "nearest: training.batch_size"),
        (["--set", "epochs=8"], "give --epochs"),
        (["--set", "workers=many"], "devices.workers: Input should be a valid integer"),
        (["--seed", "-1"], "--seed"),
        (["--epochs", "0"], "epochs: Input should be greater than or equal to 1"),
        (["--set", "loss=dise"], "did you mean 'dice'?"),
        (["--arch", "unte"], "Did you mean unet"),
        (["--encoder", "resnet81"], "Nearest: resnet18"),
    ],
)
def test_bad_options(
    options: list[str],
    message: str,
    steel: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "run"
    status, said = run(capsys, monkeypatch, "train", "--data", steel, "--out", out, *options)
    assert status != 0
    assert message in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("command", "config", "shown", "own"),
    [
        ("train", TrainingConfig, ["augmentation=standard", "zoom", "batch_size=16"], ["epochs", "size"]),
        ("prune", PruningConfig, ["allocation=bypass", "balanced"], ["strategy", "sparsity", "budget"]),
    ],
)  # fmt: skip
def test_the_settings_are_listed_with_default_and_meaning(
    command: str,
    config: type[BaseModel],
    shown: list[str],
    own: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["descale", command, "--set", "?"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().out
    assert not ended.value.code
    assert all(text in said for text in [*shown, "threads=none"])
    listed = {line.partition("=")[0] for line in said.splitlines() if line[:1].strip()}
    assert set(config.model_fields) - set(own) <= listed | {"recipe", "recovery_epochs"}
    assert not listed & set(own)
