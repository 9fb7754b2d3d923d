"""Re-estimate batch norm statistics after a cut: much of the damage is statistics, not knowledge."""

from __future__ import annotations

import torch
from torch import nn

from descale.models import ModelSpec, Normalisation, memory_format
from descale.training.batches import TrainingPictures

BATCHES = 12


def recalibrate(
    network: nn.Module, spec: ModelSpec, source: TrainingPictures, *, batch_size: int, seed: int
) -> None:
    """Replace the running statistics of every batch norm by those of a few training batches, in place.

    What is random in the network (dropped paths) follows ``seed`` too: torch's generator is set anew.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
    device = next(network.parameters()).device
    normalise = Normalisation(spec, device)
    order = torch.randperm(len(source), generator=torch.Generator().manual_seed(seed))
    training = network.training
    torch.manual_seed(seed)
    network.train()
    with torch.no_grad():
        for step, indices in enumerate(order.split(max(2, batch_size))[:BATCHES]):
            if len(indices) < 2:  # statistics of one picture may be none
                if step > 0:
                    continue
                indices = indices.repeat(2)  # all there is, augmented twice
            image = source.batch(indices, seed + step)[0].to(device)
            network(normalise(image).contiguous(memory_format=memory_format(network)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train(training)
