"""How long a training step takes here: measured on made-up pictures before anything is trained."""

from __future__ import annotations

import copy
import time
from statistics import median

import torch
from torch import nn

from descale.data.loading import PixelArrays
from descale.models import ModelSpec, memory_format
from descale.training.batches import TrainingPictures
from descale.training.config import DeviceConfig, TrainingConfig
from descale.training.devices import find_device, find_precision
from descale.training.step import TrainingStep

WARM_UP, TIMED = 4, 3
"""Steps before and while time is taken; on CUDA the warm-up records the step."""


def step_seconds(
    network: nn.Module, spec: ModelSpec, config: TrainingConfig, side: tuple[int, int], devices: DeviceConfig
) -> float:
    """Seconds of one training step, the median of a few; the network stays as it is.

    Args:
        network: to be trained.
        spec: its normalisation and classes.
        config: of the training.
        side: (height, width) of the training pictures.
        devices: where.
    """
    if devices.threads:
        torch.set_num_threads(devices.threads)
    torch.set_flush_denormal(True)
    device = find_device(devices)
    own = copy.deepcopy(network).to(device)
    own.to(memory_format=memory_format(own)).train()
    count = config.batch_size * (WARM_UP + TIMED)
    random = torch.Generator().manual_seed(0)
    larger = (round(side[0] * 1.5), round(side[1] * 1.5))
    images = torch.randint(0, 256, (count, 3, *larger), dtype=torch.uint8, generator=random)
    masks = torch.randint(0, len(spec.classes), (count, *larger), dtype=torch.uint8, generator=random)
    pictures = TrainingPictures(PixelArrays(images, masks), config.augmentation, side).to(device)
    step = TrainingStep(
        own, spec, config, pictures, total_steps=WARM_UP + TIMED, device=device,
        precision=find_precision(devices, device),
    )  # fmt: skip
    epoch = pictures.epoch(batch_size=config.batch_size, seed=0, epoch=0, device=device)
    step.record(epoch)
    found = []
    for index in range(len(epoch)):
        began = time.perf_counter()
        step(epoch, index)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(time.perf_counter() - began)
    return median(found[WARM_UP:])
