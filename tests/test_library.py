"""``import descale``: what it offers, how light it is, and that what its docstrings show is so."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import descale
from descale.synthesize import synthesize

ORDER = ["load_dataset", "check", "train", "prune", "evaluate", "export", "compress", "predict", "Segmenter"]
"""The members, so that each finds what those before it wrote."""

FRESH = """
import sys
import descale
assert set({order!r}) <= set(dir(descale))
assert not any(name.startswith("descale.") for name in sys.modules), "a room was loaded"
descale.predict, descale.Segmenter, descale.__version__
assert "torch" not in sys.modules, "torch was loaded"
descale.check, descale.load_dataset
"""


def test_every_member_is_offered_and_none_is_loaded_before_its_turn() -> None:
    assert sorted(descale.__all__) == sorted(ORDER)
    ran = subprocess.run(
        [sys.executable, "-c", FRESH.format(order=ORDER)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_a_misspelt_member_is_an_error() -> None:
    with pytest.raises(AttributeError, match="module 'descale' has no attribute 'trian'"):
        descale.trian  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("name", [name for name in ORDER if name != "Segmenter"])
def test_docstrings_tell_errors_and_every_parameter(name: str) -> None:
    function = getattr(descale, name)
    text = inspect.getdoc(function) or ""
    assert "Raises:" in text
    for parameter in inspect.signature(function).parameters:
        assert f"{parameter}: " in text


@pytest.mark.usefixtures("quick_clock")
def test_the_examples_of_the_docstrings_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are skipped where doctests are gathered: each needs what the one before it wrote."""
    synthesize(tmp_path / "photos", count=40, size=(64, 64))
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(verbose=False)
    for name in ORDER:
        text = inspect.getdoc(getattr(descale, name)) or ""
        test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
        assert test.examples, f"{name} has no example"
        for example in test.examples:
            example.options.clear()
        said: list[str] = []
        outcome = runner.run(test, out=said.append)
        assert outcome.failed == 0, "".join(said)
    assert runner.tries >= 3 * len(ORDER) - 2
