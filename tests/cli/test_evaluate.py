"""``descale evaluate --clean``: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.runtime.tiny_networks import painted, write_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "bundle", input_size=(64, 64))


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """Four photos; the network takes 1 % of one of them for rust."""
    folder = tmp_path / "[bold]steel"
    folder.mkdir()
    for name, boxes in (("a", []), ("[red]", [(0, 0, 8, 5)]), ("c", [(0, 0, 2, 2)]), ("d", [])):
        Image.fromarray(painted(64, 64, *boxes)).save(folder / f"{name}.png")
    return folder


def test_false_alarms_are_printed_and_written(
    descale: Any, bundle: Path, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    (clean / "broken.png").write_bytes(b"")
    ended = descale("evaluate", bundle, "--clean", clean, "--json", tmp_path / "figures.json")
    assert ended.status == 0
    assert "on photos without corrosion, [bold]steel: 25.0 % (0.0 to 75.0) of 4 photos show" in ended.out
    assert "1 could not be read." in ended.out
    assert "left out" in ended.log
    assert "1.0 % [red].png" in ended.out
    assert "c.png" not in ended.out
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["model"] == str(bundle)
    assert (written["clean"]["alarms"], written["clean"]["unread"]) == (1, 1)
    assert written["clean"]["by_photo"][0]["photo"] == "[red].png"


def test_something_to_score_on_is_needed(descale: Any, bundle: Path, clean: Path, tmp_path: Path) -> None:
    (error,) = descale("evaluate", bundle).errors
    assert "There is no data set to score on: give --data FOLDER" in error
    (error,) = descale("evaluate", bundle, "--clean", clean, "--per-image", tmp_path / "rows.csv").errors
    assert "no data set to write a row per photo of" in error


def test_a_wrong_folder_is_told_before_the_data_set_is_looked_at(
    descale: Any, bundle: Path, tmp_path: Path
) -> None:
    (error,) = descale("evaluate", bundle, "--data", "nowhere", "--clean", tmp_path / "none").errors
    assert "none: no such folder" in error
