"""How pixels go into a network: the one place that normalises them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from descale.models.spec import ModelSpec


class Normalisation(nn.Module):
    """RGB 0..255, ``(N, 3, H, W)`` of any type -> float32 of about zero mean and unit deviation.

    It has no parameters, and what it keeps belongs to no state dictionary.

    Args:
        spec: with ``mean`` and ``std`` of RGB in 0..1.
        device: where the pictures will be.
    """

    def __init__(self, spec: ModelSpec, device: torch.device | str = "cpu") -> None:
        super().__init__()
        shift, deviation = (
            255 * torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (spec.mean, spec.std)
        )
        self.register_buffer("shift", shift, persistent=False)
        self.register_buffer("scale", 1 / deviation, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """A factor, not a quotient: it can be folded into the weights behind it."""
        normalised: Tensor = (pixels.float() - self.get_buffer("shift")) * self.get_buffer("scale")
        return normalised
