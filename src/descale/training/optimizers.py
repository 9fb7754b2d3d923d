"""Optimizer and learning-rate schedule from the settings."""

from __future__ import annotations

import math

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import CyclicLR, LambdaLR, LRScheduler

from descale.training.config import TrainingConfig

WARM_UP_SHARE = 0.1


def make_optimizer(network: nn.Module, config: TrainingConfig, *, fused: bool = True) -> Optimizer:
    """Optimizer over a network's parameters; norms and biases are not decayed.

    Args:
        network: to be trained.
        config: rates, decay and kind.
        fused: one call for all tensors; not where gradients are scaled for 16 bits and clipped, as a fused
            optimizer undoes the scaling only after the clipping.
    """
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
                        "lr": config.learning_rate * (config.encoder_rate if in_encoder else 1.0),
                        "weight_decay": config.weight_decay if decayed else 0.0,
                    }
                )
    if config.optimizer == "sgd":
        return SGD(groups, lr=config.learning_rate, momentum=config.momentum)
    return AdamW(groups, lr=config.learning_rate, fused=fused)


def make_schedule(optimizer: Optimizer, config: TrainingConfig, steps: int) -> LRScheduler:
    """Learning rate per step over ``steps`` steps in all."""
    if config.schedule == "triangular2":
        highest = [group["lr"] for group in optimizer.param_groups]
        return CyclicLR(
            optimizer,
            base_lr=[rate * config.lowest_rate / config.learning_rate for rate in highest],
            max_lr=highest,
            mode="triangular2",
            cycle_momentum=False,
        )
    warm_up = max(1, round(WARM_UP_SHARE * steps))

    def factor(step: int) -> float:
        if config.schedule == "constant":
            return 1.0
        if step < warm_up:
            return (step + 1) / warm_up
        progress = (step - warm_up) / max(1, steps - warm_up)
        return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))

    return LambdaLR(optimizer, factor)
