"""Optimizer and learning-rate schedule from the settings."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from descale.training.config import TrainingConfig

WARM_UP_SHARE = 0.1
CYCLE = 2000
"""Steps from the lowest rate of a cyclic schedule to its highest, torch's own value."""


def make_optimizer(
    network: nn.Module, config: TrainingConfig, *, fused: bool = True, recorded: bool = False
) -> Optimizer:
    """Optimizer over a network's parameters; norms and biases are not decayed.

    Args:
        network: to be trained.
        config: rates, decay and kind.
        fused: one call for all tensors; not where gradients are scaled for 16 bits and clipped, as a fused
            optimizer undoes the scaling only after the clipping.
        recorded: whether its steps are recorded in a CUDA graph; rates are then tensors.
    """
    device = next(network.parameters()).device

    def rate(value: float) -> float | torch.Tensor:
        return torch.tensor(value, device=device) if recorded else value

    groups = []
    for in_encoder in (True, False):
        for decayed in (True, False):
            parameters = [
                parameter
                for name, parameter in network.named_parameters()
                if name.startswith("encoder.") == in_encoder and (parameter.ndim > 1) == decayed
            ]
            if parameters:
                groups.append(
                    {
                        "params": parameters,
                        "lr": rate(config.learning_rate * (config.encoder_rate if in_encoder else 1.0)),
                        "weight_decay": config.weight_decay if decayed else 0.0,
                    }
                )
    if config.optimizer == "sgd":
        return SGD(groups, lr=rate(config.learning_rate), momentum=config.momentum, fused=fused)
    return AdamW(groups, lr=rate(config.learning_rate), fused=fused, capturable=recorded)


def rate_factor(config: TrainingConfig, step: int, steps: int) -> float:
    """Learning rate of a step as a share of the peak rate.

    Args:
        config: kind of schedule and, for a cyclic one, its lowest rate.
        step: from 0.
        steps: in the whole run.

    >>> config = TrainingConfig(schedule="cosine")
    >>> [round(rate_factor(config, step, 40), 2) for step in (0, 3, 4, 22, 40)]
    [0.25, 1.0, 1.0, 0.51, 0.01]
    """
    if config.schedule == "constant":
        return 1.0
    if config.schedule == "triangular2":  # Smith 2017, arXiv 1506.01186; every cycle is half as high
        cycle = math.floor(1 + step / (2 * CYCLE))
        height = max(0.0, 1.0 - abs(step / CYCLE - 2 * cycle + 1)) / 2 ** (cycle - 1)
        lowest = min(1.0, config.lowest_rate / config.learning_rate)  # stages may learn more slowly
        return lowest + (1.0 - lowest) * height
    warm_up = max(1, round(WARM_UP_SHARE * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    progress = (step - warm_up) / max(1, steps - warm_up)
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
