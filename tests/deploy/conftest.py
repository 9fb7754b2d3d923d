"""Small untrained models whose batch norms are not the identity."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from descale.models import SavedModel, build_network, make_spec, read_widths


@cache
def untrained(architecture: str, encoder: str) -> SavedModel:
    spec = make_spec(architecture, encoder, input_size=(64, 64))
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    network = build_network(spec)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.2, generator=generator)
            module.momentum = 0.5
    network.train()
    with torch.no_grad():  # statistics of real activations, so that nothing vanishes or explodes
        for _ in range(4):
            network(torch.randn(2, 3, 96, 96, generator=generator))
    network.eval()
    return SavedModel(spec, network, read_widths(network), {"strategy": "dense", "seed": 0}, {})


@pytest.fixture(scope="session")
def make_model() -> Callable[[str, str], SavedModel]:
    return untrained


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Two small photos of different sizes: comparing on them takes little time."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for name, (height, width) in {"a": (64, 96), "b": (100, 70)}.items():
        pixels = generator.integers(0, 256, (height // 2, width // 2, 3), np.uint8).repeat(2, 0).repeat(2, 1)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return tuple(sorted(folder.iterdir()))


@pytest.fixture(scope="session")
def unet() -> SavedModel:
    return untrained("unet", "resnet18")
