"""Names, titles and help texts of the registries are there for reports and the command line without torch."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

TITLES = """
from descale.models.architectures import ARCHITECTURES
from descale.pruning.strategies import STRATEGIES
assert all(e.title and e.help for e in (*ARCHITECTURES.values(), *STRATEGIES.values()))
"""
STUDIES = """
from descale.study.run import open_study
from descale.study.trial import Trial
"""
"""Every process of a cluster begins with these, and so do lists of trials and messages about settings."""


@pytest.mark.parametrize("program", [TITLES, STUDIES], ids=["titles", "studies"])
def test_what_only_tells_loads_without_torch(program: str) -> None:
    program += "import sys\nassert 'torch' not in sys.modules\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ["descale.models", "descale.pruning", "descale.training"])
def test_everything_a_package_lists_is_there(package: str) -> None:
    module = import_module(package)
    assert all(getattr(module, name) is not None for name in module.__all__)
