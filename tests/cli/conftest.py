"""The command line run in this process, and a model to run it on."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from descale.cli import main
from descale.cli.commands import register
from descale.cli.main import app


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        status: exit status.
        out, err: what it wrote.
        log: what it logged, which outside of tests goes to standard error as well.
        errors: the lines that name an error.
    """

    status: int
    out: str
    err: str
    log: str

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


Command = Callable[..., Ended]


@pytest.fixture
def descale(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Command:
    """Run ``descale WORDS...`` to its end; a traceback fails the test.

    Commands are registered once in a process: now, before a test puts another function in a command's place.
    """
    register(app)

    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["descale", *map(str, words)])
        capsys.readouterr()
        caplog.clear()
        caplog.set_level(logging.INFO, "descale")
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return Ended(int(ended.value.code or 0), written.out, written.err, caplog.text)

    return run


@pytest.fixture(scope="session")
def dense_model(steel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a dense model that was trained for an epoch; not to be changed."""
    from tests.training.runs import CPU, SPEC, config

    from descale.data import load_dataset
    from descale.training import train_model

    folder = tmp_path_factory.mktemp("dense")
    train_model(load_dataset(steel), SPEC, config(epochs=1), folder, devices=CPU)
    return folder / "model"
