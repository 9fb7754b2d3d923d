"""Whether this machine can do what the settings of devices ask for, told before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import torch

from descale.base.errors import ConfigError, StudyError
from descale.base.files import read_text
from descale.base.located_yaml import line_of
from descale.training.bfloat import cpu_has_bfloat16
from descale.training.config import DeviceConfig

PACKAGES = {"tensorboard": "tensorboard", "mlflow": "mlflow", "wandb": "wandb"}
"""Logger -> package that it needs."""


def find_device(devices: DeviceConfig) -> torch.device:
    """The device of these settings; with ``auto`` the fastest that is there."""
    kind = devices.accelerator
    if kind == "auto":
        mps = torch.backends.mps.is_available()
        kind = "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    return torch.device("cuda", torch.cuda.current_device()) if kind == "cuda" else torch.device(kind)


def find_precision(devices: DeviceConfig, device: torch.device) -> torch.dtype:
    """Type of the numbers of the forward pass: with ``auto`` bfloat16 where the device computes with it."""
    if devices.precision != "auto":
        return PRECISIONS[devices.precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if device.type == "cpu" and cpu_has_bfloat16() else torch.float32


PRECISIONS = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


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
    for setting, reason in _lacking(devices):
        line = line_of(read_text(file), ("devices", setting))
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
