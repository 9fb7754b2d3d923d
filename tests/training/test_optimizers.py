"""Optimizer and learning rate from the settings."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from tests.training.runs import SPEC, config
from torch import nn

from descale.models import build_network
from descale.training.optimizers import make_optimizer, rate_factor


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return build_network(SPEC)


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_every_parameter_is_learnt_once_by_the_optimizer_asked_for(
    network: nn.Module, name: str, kind: type[torch.optim.Optimizer]
) -> None:
    optimizer = make_optimizer(network, config(optimizer=name, momentum=0.7))
    assert type(optimizer) is kind
    held = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
    assert sorted(held) == sorted(id(parameter) for parameter in network.parameters())
    if name == "sgd":
        assert {group["momentum"] for group in optimizer.param_groups} == {0.7}


def test_the_encoder_has_its_own_rate_and_norms_and_biases_are_not_decayed(network: nn.Module) -> None:
    optimizer = make_optimizer(network, config(learning_rate=0.01, encoder_rate=0.3, weight_decay=0.05))
    found = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    for name, parameter in network.named_parameters():
        rate, decay = found[id(parameter)]
        assert rate == pytest.approx(0.003 if name.startswith("encoder.") else 0.01), name
        assert decay == (0.05 if parameter.ndim > 1 else 0.0), name
    assert {decay for _, decay in found.values()} == {0.05, 0.0}


@pytest.mark.parametrize("fused", [True, False])
def test_a_fused_optimizer_only_where_it_may_be(network: nn.Module, fused: bool) -> None:
    assert make_optimizer(network, config(), fused=fused).defaults["fused"] is fused


def rates(steps: int, **changes: Any) -> list[float]:
    """Learning rate of the decoder in each of ``steps`` steps."""
    settings = config(**changes)
    return [settings.learning_rate * rate_factor(settings, step, steps) for step in range(steps)]


def test_cosine_warms_up_over_a_tenth_and_falls_to_a_hundredth() -> None:
    found = rates(50, schedule="cosine", learning_rate=1.0)
    assert found[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    for step in range(5, 50):
        share = (step - 5) / 45
        assert found[step] == pytest.approx(0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)
    assert found[5:] == sorted(found[5:], reverse=True)
    assert 0.01 <= found[-1] < 0.02


def test_constant_is_constant_from_the_first_step() -> None:
    assert set(rates(30, schedule="constant", learning_rate=0.5)) == {0.5}


def test_one_step_in_all_is_taken_at_the_peak() -> None:
    assert rates(1, learning_rate=0.5) == [0.5]


def test_triangular2_climbs_from_the_lowest_rate_per_step() -> None:
    """Smith's cycle: 2000 steps up and 2000 down, then half as high."""
    found = rates(6001, schedule="triangular2", learning_rate=0.1, lowest_rate=0.02)
    assert found[0] == pytest.approx(0.02)
    assert found[500] == pytest.approx(0.04)
    assert found[2000] == pytest.approx(0.1)
    assert found[4000] == pytest.approx(0.02)
    assert found[6000] == pytest.approx(0.06)
