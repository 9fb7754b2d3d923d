"""Photos with a known answer, and a bundle that finds it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))  # the tests share tiny_networks.py
from tiny_networks import painted, write_bundle


@pytest.fixture
def tiny_bundle(tmp_path: Path) -> Path:
    """A bundle folder: a pixel is corroded where red exceeds green."""
    return write_bundle(tmp_path / "bundle")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Folder of three photos: 25 %, 0 % and 1 % corroded."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, boxes in {
        "a": [(0, 0, 100, 50)],
        "b": [],
        "c": [(10, 10, 20, 15), (50, 50, 65, 60)],
    }.items():
        Image.fromarray(painted(100, 200, *boxes)).save(folder / f"{name}.png")
    return folder
