"""A network small enough to prune by hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Toy(nn.Module):
    """Two layers of 8 and 6 channels, each with a norm, and a head of 2 classes."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 6, 3, padding=1)
        self.segmentation_head = nn.Conv2d(6, 2, 1)
        nn.init.normal_(self.norm.bias, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm(self.first(x)))
        return self.segmentation_head(functional.relu(self.second(x)))


class Tied(nn.Module):
    """Two layers whose outputs are added, so that their channels live and die together."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.left = nn.Conv2d(3, 4, 3, padding=1)
        self.right = nn.Conv2d(3, 4, 1)
        self.segmentation_head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.segmentation_head(functional.relu(self.left(x) + self.right(x)))


def pictures(count: int = 2) -> Tensor:
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def loss_of(network: nn.Module, x: Tensor) -> Tensor:
    """Something with gradients in every weight."""
    return (network(x) - 0.5).square().mean()


class OnlyHead(nn.Module):
    """Nothing in it can be pruned."""

    def __init__(self) -> None:
        super().__init__()
        self.segmentation_head = nn.Conv2d(3, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.segmentation_head(x)
