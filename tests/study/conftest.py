"""A study file and its folder for the fake runner."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # worker processes import the fake runner by name

from fake_runner import STUDY


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    path = tmp_path / "fake.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"
