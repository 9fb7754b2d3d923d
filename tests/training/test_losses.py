"""Losses by name, against their formulas."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from descale.base.classes import IGNORED
from descale.training.losses import LOSSES, SummedLoss, check_loss

LOGITS = torch.tensor([[2.0, -1.0, 0.5, 0.0], [0.0, 1.0, 1.5, -2.0], [-1.0, 0.5, 0.0, 1.0]]).view(1, 3, 2, 2)
TARGET = torch.tensor([[0, 1], [1, 2]]).view(1, 2, 2)
PROBABILITY = torch.softmax(LOGITS, dim=1).flatten(2)[0]  # (class, pixel)
TRUTH = torch.nn.functional.one_hot(TARGET.flatten(), 3).T.float()


def loss(name: str, logits: Tensor = LOGITS) -> float:
    return float(SummedLoss(name)(logits, TARGET))


def test_cross_entropy_is_the_mean_negative_log_probability() -> None:
    expected = -(PROBABILITY * TRUTH).sum(0).log().mean()
    assert loss("cross-entropy") == pytest.approx(float(expected), rel=1e-5)


def test_dice_is_one_minus_twice_the_overlap_over_the_sizes() -> None:
    overlap = (PROBABILITY * TRUTH).sum(1)
    expected = (1 - 2 * overlap / (PROBABILITY.sum(1) + TRUTH.sum(1))).mean()
    assert loss("dice") == pytest.approx(float(expected), rel=1e-5)


def test_tversky_weighs_false_alarms_and_misses_alike() -> None:
    hits = (PROBABILITY * TRUTH).sum(1)
    alarms = (PROBABILITY * (1 - TRUTH)).sum(1)
    misses = ((1 - PROBABILITY) * TRUTH).sum(1)
    expected = (1 - hits / (hits + 0.5 * alarms + 0.5 * misses)).mean()
    assert loss("tversky") == pytest.approx(float(expected), rel=1e-5)


def test_focal_takes_weight_from_what_is_already_right() -> None:
    right = torch.where(TRUTH == 1, LOGITS.flatten(2)[0].sigmoid(), 1 - LOGITS.flatten(2)[0].sigmoid())
    expected = (-((1 - right) ** 2) * right.log()).mean()
    assert loss("focal") == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_pixels_without_a_label_count_for_nothing(name: str) -> None:
    """Two more columns that are ignored, whatever is answered there, change neither loss nor gradient."""
    more = torch.cat([LOGITS, torch.full((1, 3, 2, 2), 7.0)], dim=3).requires_grad_()
    labels = torch.cat([TARGET, torch.full((1, 2, 2), IGNORED)], dim=2)
    found = SummedLoss(name)(more, labels)
    assert float(found.detach()) == pytest.approx(loss(name), rel=1e-5)
    (gradient,) = torch.autograd.grad(found, more)
    assert gradient[..., 2:].abs().sum() == 0
    assert gradient[..., :2].abs().sum() > 0


@pytest.mark.parametrize("name", LOSSES)
def test_pictures_without_any_label_teach_nothing(name: str) -> None:
    logits = LOGITS.clone().requires_grad_()
    found = SummedLoss(name)(logits, torch.full_like(TARGET, IGNORED))
    (gradient,) = torch.autograd.grad(found, logits)
    assert float(found.detach()) == 0
    assert gradient.abs().sum() == 0


def test_a_sum_is_the_sum_of_its_parts() -> None:
    name = "+".join(LOSSES)
    assert loss(name) == pytest.approx(sum(loss(part) for part in LOSSES), rel=1e-6)
    assert loss("dice+dice") == pytest.approx(2 * loss("dice"), rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_the_right_answer_costs_nothing_and_its_opposite_much(name: str) -> None:
    certain = 40.0 * (2 * TRUTH.view(1, 3, 2, 2) - 1)
    assert loss(name, certain) == pytest.approx(0.0, abs=1e-4)
    assert loss(name, -certain) > 0.5


@pytest.mark.parametrize(
    ("name", "near"), [("dise", "dice"), ("tverski", "tversky"), ("dice+crossentropy", "cross")]
)
def test_an_unknown_loss_is_answered_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean '{near}"):
        check_loss(name)
    with pytest.raises(ValueError, match=f"did you mean '{near}"):
        SummedLoss(name)


def test_a_loss_like_no_other_is_answered_with_all() -> None:
    with pytest.raises(ValueError, match="known: tversky, dice, focal, cross-entropy"):
        check_loss("qqq")
