"""Small runs that can be interrupted, for the training tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from descale.models import make_spec
from descale.training import DeviceConfig, TrainingConfig
from descale.training.step import TrainingStep
from descale.training.validation import Validation

SIZE = (32, 32)
SPEC = make_spec("linknet", "tu-test_efficientnet", input_size=SIZE)
CPU = DeviceConfig(accelerator="cpu", devices=1, precision="32-true", threads=1, loggers=(), progress=False)
"""One thread and 32 bits: the same sums in the same order, so that runs can be compared bit for bit."""


def config(**changes: Any) -> TrainingConfig:
    """Settings of a run of two epochs of two steps, scored after each."""
    settings = {"epochs": 2, "batch_size": 7, "size": SIZE, "ema": 0.9, "validate_every": 1, **changes}
    return TrainingConfig.model_validate(settings)


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """A copy of everything a network remembers."""
    return {key: value.detach().clone() for key, value in network.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether two networks remember the same, bit for bit."""
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@contextmanager
def ctrl_c_at(step: int, *, required: bool = True) -> Iterator[None]:
    """Ctrl-C in the training step number ``step``; 1 is the first of the block."""
    taken = 0
    original = TrainingStep.__call__

    def interrupted(self: TrainingStep, *args: Any) -> None:
        nonlocal taken
        taken += 1
        if taken == step:
            raise KeyboardInterrupt
        original(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingStep, "__call__", interrupted)
        yield
    assert taken == step or not required, "the run ended before it could be stopped"


@contextmanager
def stopped_at(step: int) -> Iterator[None]:
    """The user stops the run of the block in its training step number ``step``."""
    with ctrl_c_at(step), pytest.raises(KeyboardInterrupt):
        yield


@contextmanager
def scripted_scores(scores: list[float]) -> Iterator[list[dict[str, Tensor]]]:
    """Validation IoUs as given, the last one for ever; yields the weights that each was given for."""
    seen: list[dict[str, Tensor]] = []

    def score(self: Validation) -> float:
        step = self._step
        seen.append(weights_of(step.shown))
        epoch = step.steps // step._pictures.steps(step._config.batch_size) - 1
        return scores[min(epoch, len(scores) - 1)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Validation, "score", score)
        yield seen


def no_step(*_: Any) -> None:
    """In place of a training step where none may be taken."""
    pytest.fail("trained again")
