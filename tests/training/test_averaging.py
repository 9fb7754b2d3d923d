from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from descale.training.averaging import moving_average


def averaged(values: list[float], decay: float) -> float:
    network = nn.Linear(1, 1, bias=False)
    average = AveragedModel(network, multi_avg_fn=moving_average(decay))
    for value in values:
        with torch.no_grad():
            network.weight.fill_(value)
        average.update_parameters(network)
    return float(average.module.weight)


def test_a_short_run_forgets_where_it_began() -> None:
    # with a fixed decay of 0.99 the first weights would be 0.41 of the average
    assert averaged([1.0] + [0.0] * 90, 0.99) < 1e-6


def test_a_long_run_decays_as_asked() -> None:
    long = [1.0] * 2000
    assert averaged([*long, 0.0], 0.99) == pytest.approx(0.99, abs=1e-4)


def test_the_first_weights_are_taken_as_they_are() -> None:
    assert averaged([3.0], 0.9) == 3.0
    assert averaged([3.0, 0.0], 0.9) == pytest.approx(3.0 * 2 / 11)


def test_counters_are_copied() -> None:
    norm = nn.BatchNorm1d(1)
    average = AveragedModel(norm, multi_avg_fn=moving_average(0.9), use_buffers=True)
    for _ in range(3):
        norm(torch.zeros(2, 1))
        average.update_parameters(norm)
    assert int(average.module.num_batches_tracked) == 3
