"""Settings of training are checked before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from descale.training import DeviceConfig, TrainingConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": (100, 64)}, "100 is not a multiple of 32; use 96"),
        ({"crop": (64, 65)}, "65 is not a multiple of 32; use 64"),
        ({"crop": "64x65"}, "65 is not a multiple of 32; use 64"),
        ({"size": "large"}, "Size 'large' is not understood; write 160 or 160x192"),
        ({"size": True}, "valid tuple"),
        ({"crop": (64, 64)}, "write augmentation: zoom, or leave crop out"),
        ({"schedule": "triangular2", "learning_rate": 5e-5}, "above the learning_rate"),
        ({"size": (0, 32)}, "0 is not a multiple of 32; use 32"),
        ({"epochs": 0}, "greater than or equal to 1"),
        ({"learning_rate": 0}, "greater than 0"),
        ({"learning_rate": float("nan")}, "finite number"),
        ({"loss": "dise"}, "unknown loss 'dise'; did you mean 'dice'"),
        ({"loss": "dice+"}, "unknown loss ''"),
        ({"optimizer": "adam"}, "'adamw' or 'sgd'"),
        ({"schedule": "linear"}, "'cosine', 'triangular2' or 'constant'"),
        ({"augmentation": "heavy"}, "unknown augmentation 'heavy'; known: standard"),
        ({"ema": 1.0}, "less than 1"),
        ({"early_stopping": 0}, "greater than or equal to 1"),
        ({"epoch": 3}, "Extra inputs"),
        ({"batch_size": 1, "size": (32, 32)}, "set batch_size to 2 or more, or a larger size"),
    ],
)
def test_bad_settings_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TrainingConfig.model_validate(values)


@pytest.mark.parametrize(
    ("written", "size"), [("96x64", (96, 64)), ("96", (96, 96)), (96, (96, 96)), ([96, 64], (96, 64))]
)
def test_sizes_may_be_written_in_short(written: object, size: tuple[int, int]) -> None:
    config = TrainingConfig.model_validate({"size": written, "crop": "32", "augmentation": "zoom"})
    assert (config.size, config.crop) == (size, (32, 32))


def test_an_infinite_rate_is_refused() -> None:
    with pytest.raises(ValidationError):
        TrainingConfig.model_validate({"learning_rate": float("inf")})


@pytest.mark.parametrize(
    "values",
    [{"accelerator": "tpu"}, {"devices": "two"}, {"threads": 0}, {"workers": -1}, {"loggers": ["x"]}],
)
def test_bad_devices_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DeviceConfig.model_validate(values)


@pytest.mark.parametrize("devices", [0, -3, 2])
def test_a_training_runs_on_one_device(devices: int) -> None:
    with pytest.raises(ValidationError, match="give 1, or run a study on several"):
        DeviceConfig(devices=devices)


def test_a_precision_that_torch_does_not_know_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"'bf16-mixd'; did you mean 'bf16-mixed'\?"):
        DeviceConfig.model_validate({"precision": "bf16-mixd"})


def test_settings_survive_json_and_cannot_be_changed() -> None:
    values = {"crop": (64, 96), "augmentation": "paper", "ema": None, "early_stopping": 3}
    settings = TrainingConfig.model_validate(values)
    assert TrainingConfig.model_validate_json(settings.model_dump_json()) == settings
    with pytest.raises(ValidationError, match="frozen"):
        settings.epochs = 3  # type: ignore[misc]
