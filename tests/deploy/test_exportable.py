"""What could never be exported is known before it is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.runs import ctrl_c_at

from descale.base.errors import ExportError
from descale.training.runs import train


def test_training_refuses_what_could_not_be_exported(steel: Path, tmp_path: Path) -> None:
    with ctrl_c_at(1, required=False), pytest.raises(ExportError, match="pvt_v2_b0 could be trained, but"):
        train(steel, tmp_path / "run", encoder="tu-pvt_v2_b0", encoder_weights="none", size=64)
    assert not (tmp_path / "run").exists()
