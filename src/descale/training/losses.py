"""Losses by name, and sums of them: ``tversky``, ``dice``, ``focal``, ``cross-entropy``."""

from __future__ import annotations

from collections.abc import Callable

from segmentation_models_pytorch import losses as smp_losses
from torch import Tensor, nn

from descale.base.spelling import suggestion

LOSSES: dict[str, Callable[[], nn.Module]] = {
    "tversky": lambda: smp_losses.TverskyLoss(mode="multiclass", from_logits=True),
    "dice": lambda: smp_losses.DiceLoss(mode="multiclass", from_logits=True),
    "focal": lambda: smp_losses.FocalLoss(mode="multiclass"),
    "cross-entropy": nn.CrossEntropyLoss,
}


def check_loss(name: str) -> None:
    """Check a name or a sum of names.

    Raises:
        ValueError: a name is unknown; the nearest is given.

    >>> check_loss("dice+cross-entropy")
    >>> check_loss("dise")
    Traceback (most recent call last):
    ...
    ValueError: unknown loss 'dise'; did you mean 'dice'?
    """
    for part in name.split("+"):
        if part not in LOSSES:
            raise ValueError(f"unknown loss '{part}'; {suggestion(part, LOSSES)}")


class SummedLoss(nn.Module):
    """Sum of named losses of logits ``(N, K, H, W)`` against class ids ``(N, H, W)`` (int64)."""

    def __init__(self, name: str) -> None:
        super().__init__()
        check_loss(name)
        self.parts = nn.ModuleList(LOSSES[part]() for part in name.split("+"))

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return sum((part(logits, target) for part in self.parts), logits.new_zeros(()))
