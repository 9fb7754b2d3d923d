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


def test_the_script_goes_from_photos_to_a_bundle_and_areas(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(str(EXAMPLES / "photos_to_bundle.py"))["main"](tmp_path)
    said = capsys.readouterr().out
    assert "IoU of corrosion" in said
    assert "small.zip" in said
    shares = corroded(tmp_path / "results" / "predictions.csv")
    assert len(shares) == 6
    assert all(0 <= share <= 100 for share in shares)


def test_every_cell_of_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((EXAMPLES / "photos_to_bundle.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 5
    names: dict[str, object] = {}
    for cell in cells:
        exec(compile(cell, "photos_to_bundle.ipynb", "exec"), names)
    assert len(corroded(tmp_path / "runs" / "notebook" / "results" / "predictions.csv")) == 6
    assert all(not cell.get("outputs") for cell in notebook["cells"]), "outputs are not committed"
