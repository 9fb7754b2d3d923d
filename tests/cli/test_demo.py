"""``descale demo``: a first look with the model in the package, then the study that comes with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from descale.study.config import load_study
from descale.study.folder import StudyFolder


def test_the_demo_runs_the_study_in_the_package(
    descale: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: dict[str, Any] = {}

    def study(*, file: Path, out: Path, parallel: int) -> None:
        StudyFolder(out)  # raises where a study would refuse the folder
        seen.update(config=load_study(file), out=out, parallel=parallel)

    monkeypatch.setattr("descale.cli.study.study", study)
    monkeypatch.setattr("descale.cli.demo.SIZE", (64, 64))
    for _ in range(2):  # the second goes on where the first was stopped
        assert descale("demo", "--out", tmp_path / "demo", "--parallel", "1").status == 0
    assert seen["out"].is_relative_to(tmp_path / "demo")
    assert seen["parallel"] == 1
    assert seen["config"].architectures == ("unet",)
    assert seen["config"].strategies == ("movement",)
    assert max(seen["config"].sparsities) >= 0.75
    look = tmp_path / "demo/first-look"
    assert len(list((look / "photos").iterdir())) == len(list((look / "results/masks").iterdir())) > 1
    assert (look / "results/index.html").exists()
