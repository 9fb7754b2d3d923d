"""The command as a whole: what help shows, and what needs no torch."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from tests.base_installation import absent_modules

from descale import __version__

COMMANDS = (
    "benchmark", "compress", "demo", "evaluate", "export", "pick", "plan", "predict", "prune", "report",
    "study", "train", "data check", "data synthesize",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_gives_an_example(descale: Any, command: str) -> None:
    ended = descale(*command.split(), "--help")
    assert ended.status == 0
    assert f"Example: descale {command}" in " ".join(ended.out.replace("`", "").split())


def test_help_lists_every_command(descale: Any) -> None:
    shown = descale("--help").out
    assert all(command.split()[0] in shown for command in COMMANDS)
    assert descale("--version").out == f"descale {__version__}\n"


@pytest.mark.parametrize(
    ("words", "named"), [(["trian"], "trian"), (["train"], "--data"), (["plan", "-x"], "-x")]
)
def test_what_is_not_understood_is_named(descale: Any, words: list[str], named: str) -> None:
    ended = descale(*words)
    assert ended.status == 2
    assert named in ended.err
    assert "--help" in ended.err


WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({absent!r}))
import descale
from descale.cli import main
for words in {commands!r}:
    sys.argv = ["descale", *words]
    try:
        main()
    except SystemExit as ended:
        print("STATUS", ended.code or 0, *words)
"""


def test_help_needs_only_what_the_base_installation_brings() -> None:
    """With all that extras bring absent: every help works, and a command that needs it says how to get it."""
    helps = [[*command.split(), "--help"] for command in COMMANDS]
    training = ["train", "--data", "x", "--out", "y"]
    script = WITHOUT.format(absent=absent_modules(), commands=[["--help"], *helps, training])
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"}
    )
    assert done.returncode == 0, done.stderr
    statuses = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("STATUS")]
    assert statuses == ["0"] * (1 + len(helps)) + ["1"]
    assert "this command needs the package" in done.stderr
    assert "pip install 'descale[train]'" in done.stderr
    assert "Traceback" not in done.stderr
