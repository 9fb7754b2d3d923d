"""From logits to class ids, one rule for training, evaluation and deployment."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def predict_classes(logits: Tensor, threshold: float = 0.5) -> Tensor:
    """Class ids from logits.

    Two classes: corroded where softmax p(corrosion) >= ``threshold``, that is where the difference of
    the logits is at least ``log(t / (1 - t))``. More classes: the largest logit.

    Args:
        logits: ``(N, K, H, W)``, any float type.
        threshold: 0..1, used when ``K`` is 2.

    Returns:
        uint8 ``(N, H, W)``.
    """
    if logits.shape[1] == 2:
        margin = math.log(threshold / (1.0 - threshold))
        return (logits[:, 1] - logits[:, 0] >= margin).to(torch.uint8)
    return logits.argmax(dim=1).to(torch.uint8)
