"""The script and the notebook of ``examples/`` run from top to bottom, and leave what they say."""

from __future__ import annotations

import csv
import json
import runpy
from pathlib import Path

import pytest
from tests.conftest import ROOT

EXAMPLES = ROOT / "examples"


def corroded(table: Path) -> list[float]:
    with table.open(encoding="utf-8", newline="") as stream:
        return [float(row["corroded_percent"]) for row in csv.DictReader(stream)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both write into one folder here: the notebook finds what the script trained, and goes on."""
    return tmp_path_factory.mktemp("examples")


FOLDER = Path("runs", "notebook")


def test_the_script_goes_from_photos_to_a_bundle_and_areas(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(str(EXAMPLES / "photos_to_bundle.py"))["main"](place / FOLDER)
    said = capsys.readouterr().out
    assert "IoU of corrosion" in said
    assert "small.zip" in said
    shares = corroded(place / FOLDER / "results" / "predictions.csv")
    assert len(shares) == 6
    assert all(0 <= share <= 100 for share in shares)


def test_every_cell_of_the_notebook_runs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the script that is quick; alone it trains, for both ask for the same network."""
    monkeypatch.chdir(place)
    notebook = json.loads((EXAMPLES / "photos_to_bundle.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 5
    assert f'Path("{FOLDER.as_posix()}")' in cells[0]
    names: dict[str, object] = {}
    for cell in cells:
        exec(compile(cell, "photos_to_bundle.ipynb", "exec"), names)
    assert len(corroded(place / FOLDER / "results" / "predictions.csv")) == 6
    assert all(not cell.get("outputs") for cell in notebook["cells"]), "outputs are not committed"
