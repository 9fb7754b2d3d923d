"""Losses by name, and sums of them: ``tversky``, ``dice``, ``focal``, ``cross-entropy``.

Pixels marked :data:`descale.base.classes.IGNORED` are left out of all of them.
"""

from __future__ import annotations

from collections.abc import Callable

from segmentation_models_pytorch import losses as smp_losses
from torch import Tensor, nn
from torch.nn import functional

from descale.base.classes import IGNORED
from descale.base.spelling import suggestion


class _CrossEntropy(nn.Module):
    """Mean over the labelled pixels; 0, not nan, where there are none."""

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        total = functional.cross_entropy(logits, target, ignore_index=IGNORED, reduction="sum")
        return total / (target != IGNORED).sum().clamp(min=1)


class _Focal(nn.Module):
    """One class against the rest, each.

    The library picks the labelled pixels out, whose number a GPU would have to tell first; here the others
    are answered rightly instead, which costs nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loss = smp_losses.FocalLoss(mode="multiclass")

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        labelled = target != IGNORED
        certain = logits.masked_fill(~labelled[:, None], -1e4)
        return self.loss(certain, target) * (target.numel() / labelled.sum().clamp(min=1))


LOSSES: dict[str, Callable[[], nn.Module]] = {
    "tversky": lambda: smp_losses.TverskyLoss("multiclass", from_logits=True, ignore_index=IGNORED),
    "dice": lambda: smp_losses.DiceLoss("multiclass", from_logits=True, ignore_index=IGNORED),
    "focal": _Focal,
    "cross-entropy": _CrossEntropy,
}


def check_loss(name: str) -> None:
    """Check a name or a sum of names.

    Raises:
        ValueError: a name is unknown; the nearest is given.

    >>> check_loss("dice+cross-entropy")
    >>> check_loss("dise")
    Traceback (most recent call last):
    ...
    ValueError: unknown loss 'dise'; did you mean 'dice'? (known: tversky, dice, focal, cross-entropy)
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
