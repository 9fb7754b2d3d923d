"""Names, titles and help texts of the registries are there for reports and the command line without torch."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest


def test_titles_of_the_registries_load_without_torch() -> None:
    program = (
        "import sys\n"
        "from descale.models.architectures import ARCHITECTURES\n"
        "from descale.pruning.strategies import STRATEGIES\n"
        "assert all(e.title and e.help for e in (*ARCHITECTURES.values(), *STRATEGIES.values()))\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_a_study_notes_is_read_without_torch() -> None:
    """Every process of a cluster begins with that, and so do lists of trials and messages about settings."""
    program = (
        "import sys\n"
        "from descale.study.run import open_study\n"
        "from descale.study.trial import Trial\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ["descale.models", "descale.pruning", "descale.training"])
def test_everything_a_package_lists_is_there(package: str) -> None:
    module = import_module(package)
    assert all(getattr(module, name) is not None for name in module.__all__)
