"""Whether this machine can do what the settings of devices ask for, told before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import torch

from descale.base.errors import ConfigError, StudyError
from descale.base.located_yaml import line_of
from descale.training.config import DeviceConfig

PACKAGES = {"tensorboard": "tensorboard", "mlflow": "mlflow", "wandb": "wandb"}
"""Logger -> package that it needs."""


def check_devices(devices: DeviceConfig) -> None:
    """Make sure that a run with these settings can start here.

    Raises:
        ConfigError: a device that is not there, a logger that is not installed.
    """
    for setting, reason in _lacking(devices):
        raise ConfigError(f"{setting}: {reason}")


def check_study_devices(devices: DeviceConfig, file: Path) -> None:
    """The same for the settings in a study file.

    Raises:
        StudyError: names file and line.
    """
    several = devices.devices != "auto" and devices.devices > 1
    refused = [("devices", "a trial runs on one device; start the study once per device instead.")]
    for setting, reason in [*_lacking(devices), *(refused if several else [])]:
        line = line_of(file.read_text(encoding="utf-8"), ("devices", setting))
        raise StudyError(f"{file}:{line}: devices.{setting}: {reason}")


def _lacking(devices: DeviceConfig) -> Iterator[tuple[str, str]]:
    """Settings that cannot be met, each with reason and remedy."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(devices.accelerator, True):
        yield "accelerator", f"torch finds no {devices.accelerator} device here; use auto or cpu."
    for name in devices.loggers:
        if find_spec(PACKAGES[name]) is None:
            package = PACKAGES[name]
            yield "loggers", f"'{name}' needs its package; pip install {package}, or leave it out."
