"""What this machine lacks is told before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from descale.base.errors import ConfigError, StudyError
from descale.training import DeviceConfig
from descale.training import devices as checks
from descale.training.devices import check_devices, check_study_devices


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without accelerators and without loggers."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(checks, "find_spec", lambda name: None if name in ("mlflow", "wandb") else object())


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"accelerator": "cuda"}, "^accelerator: torch finds no cuda device here; use auto or cpu"),
        ({"accelerator": "mps"}, "no mps device"),
        ({"loggers": ["tensorboard", "mlflow"]}, "^loggers: 'mlflow' needs its package; pip install mlflow"),
        ({"loggers": ["wandb"]}, "pip install wandb"),
    ],
)
def test_what_is_lacking_is_named_with_the_remedy(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_devices(DeviceConfig.model_validate(values))


@pytest.mark.usefixtures("bare")
def test_the_defaults_run_anywhere() -> None:
    check_devices(DeviceConfig())


@pytest.mark.usefixtures("bare")
def test_a_study_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("name: a\ndevices:\n  progress: false\n  loggers: [mlflow]\n")
    with pytest.raises(StudyError, match=r"a\.yaml:4: devices\.loggers: 'mlflow' needs its package"):
        check_study_devices(DeviceConfig(loggers=("mlflow",)), file)
