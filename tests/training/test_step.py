"""The training step: rates, averages, precision; recorded steps equal plain ones where there is CUDA."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.training.runs import SIZE, SPEC, config, same, weights_of
from torch import Tensor

from descale.data.loading import PixelArrays
from descale.models import build_network
from descale.training.batches import TrainingPictures
from descale.training.step import TrainingStep

ON_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def pictures(count: int = 8) -> TrainingPictures:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, *SIZE), generator=generator, dtype=torch.uint8)
    return TrainingPictures(PixelArrays(images, (images[:, 0] > 127).to(torch.uint8)), "standard", SIZE)


def take(
    steps: int,
    *,
    device: str = "cpu",
    precision: torch.dtype = torch.float32,
    record: bool = False,
    **changes: Any,
) -> tuple[TrainingStep, list[float]]:
    """Take steps; the rates that they were taken with."""
    where = torch.device(device)
    torch.manual_seed(0)
    network = build_network(SPEC).to(where).train()
    source = pictures().to(where)
    step = TrainingStep(
        network, SPEC, config(batch_size=4, **changes), source,
        total_steps=steps, device=where, precision=precision,
    )  # fmt: skip
    rates = []
    for number in range(steps):
        epoch = source.epoch(batch_size=4, seed=0, epoch=number // 2, device=where)
        if record and number == 0:
            step.record(epoch)
        step(epoch, number % 2)
        rates.append(step.rate)
    return step, rates


def test_the_learning_rate_changes_at_every_step() -> None:
    step, rates = take(10)
    assert rates[0] == pytest.approx(1e-3)  # 10 steps: the warm-up is the first alone
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates[1:])) == 9
    groups = [float(group["lr"]) for group in step.optimizer.param_groups]
    assert max(groups) == pytest.approx(rates[-1])
    assert min(groups) == pytest.approx(0.3 * rates[-1])


def test_the_mean_loss_begins_anew_when_it_is_asked_for() -> None:
    step, _ = take(3)
    assert step.mean_loss(3) > 0
    assert step.mean_loss(3) == 0


def test_the_loss_falls() -> None:
    few, many = (take(steps, learning_rate=1e-2, schedule="constant")[0] for steps in (2, 60))
    assert few.mean_loss(2) > 1.1 * many.mean_loss(60)


def test_what_is_shown_is_the_average_where_there_is_one() -> None:
    plain, averaged = take(4, ema=None)[0], take(4, ema=0.9)[0]
    assert plain.shown is plain.network
    assert same(weights_of(plain.network), weights_of(averaged.network))
    assert not same(weights_of(averaged.shown), weights_of(averaged.network))


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16, torch.float16])
def test_every_precision_learns_in_the_precision_asked_for(precision: torch.dtype) -> None:
    seen: list[torch.dtype] = []

    def look(_module: Any, _inputs: Any, output: Tensor) -> None:
        seen.append(output.dtype)

    torch.manual_seed(0)
    network = build_network(SPEC).train()
    network.get_submodule("segmentation_head").register_forward_hook(look)
    source = pictures()
    step = TrainingStep(
        network, SPEC, config(batch_size=4), source,
        total_steps=2, device=torch.device("cpu"), precision=precision,
    )  # fmt: skip
    before = weights_of(network)
    step(source.epoch(batch_size=4, seed=0, epoch=0), 0)
    assert seen == [precision]
    assert not same(before, weights_of(network))
    assert all(bool(value.isfinite().all()) for value in weights_of(network).values())


@pytest.mark.parametrize("precision", [torch.float32, torch.float16])
def test_a_run_goes_on_on_another_device_and_in_another_precision(precision: torch.dtype) -> None:
    """What the optimizer's groups hold of the device is the new one's; a scaler begins anew."""
    other = torch.float16 if precision == torch.float32 else torch.float32
    begun, _ = take(2, precision=precision)
    going, _ = take(2, precision=other)
    state = begun.state_dict()
    for group in state["optimizer"]["param_groups"]:
        group |= {"lr": torch.tensor(0.5), "capturable": True}  # as a recorded step on CUDA leaves it
    going.load_state_dict(state)
    assert same(weights_of(going.network), weights_of(begun.network))
    for group in going.optimizer.param_groups:
        assert isinstance(group["lr"], float)
        assert not group["capturable"]
    source = pictures()
    going(source.epoch(batch_size=4, seed=0, epoch=1), 0)
    assert all(bool(value.isfinite().all()) for value in weights_of(going.network).values())


@ON_CUDA
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_recorded_steps_learn_what_plain_steps_learn(optimizer: str) -> None:
    """Kernels may add in another order; beyond that both are the same training."""
    settings: dict[str, Any] = {"optimizer": optimizer, "gradient_clip": 1.0}
    plain, rates = take(6, device="cuda", **settings)
    recorded, same_rates = take(6, device="cuda", record=True, **settings)
    assert rates == same_rates
    assert recorded.mean_loss(6) == pytest.approx(plain.mean_loss(6), rel=1e-3)
    for key, value in weights_of(plain.shown).items():
        found = weights_of(recorded.shown)[key]
        assert torch.allclose(value.float(), found.float(), rtol=1e-2, atol=1e-3), key


@ON_CUDA
def test_recording_changes_nothing() -> None:
    where = torch.device("cuda", 0)
    torch.manual_seed(0)
    network = build_network(SPEC).to(where).train()
    before = weights_of(network)
    source = pictures().to(where)
    step = TrainingStep(
        network, SPEC, config(batch_size=4), source,
        total_steps=2, device=where, precision=torch.float32,
    )  # fmt: skip
    step.record(source.epoch(batch_size=4, seed=0, epoch=0, device=where))
    assert same(before, weights_of(network))
    assert same(before, weights_of(step.shown))
    assert step.mean_loss(1) == 0
