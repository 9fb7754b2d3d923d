"""Fine-tuning after a cut: the settings that pruned networks and their slim control share."""

from __future__ import annotations

import math

from descale.models.spec import STRIDE
from descale.pruning.config import PruningConfig
from descale.pruning.strategies import find_strategy
from descale.training.config import TrainingConfig

HIGHEST_RATE = 4.0
NARROWEST = 0.1  # share of channels below which the rate rises no further


def recovery_rate(pruning: PruningConfig, sparsity: float) -> float:
    """Learning rate of fine-tuning a cut network, as a factor of the rate the dense parent was trained with.

    Unless the settings name one, it is inverse to the root of the share of the channels that stay: what suits
    a network with a tenth of its channels wrecks some with half of them. Inverse to the share itself, as the
    rate of Adam is to be in theory (Yang et al. 2022, arXiv 2203.03466), it is too low in the middle.
    docs/recipe.md has the runs.

    Args:
        pruning: settings of the run.
        sparsity: of the network, mean over the prunable layers, 0..1.

    >>> from descale.pruning.config import PruningConfig
    >>> settings = PruningConfig(strategy="agp", sparsity=0.9)
    >>> [round(recovery_rate(settings, sparsity), 2) for sparsity in (0.3, 0.5, 0.75, 0.9, 0.99)]
    [1.51, 1.79, 2.53, 4.0, 4.0]
    """
    if pruning.recovery_rate is not None:
        return pruning.recovery_rate
    return HIGHEST_RATE * math.sqrt(NARROWEST / max(1.0 - sparsity, NARROWEST))


def recovery_training(training: TrainingConfig, pruning: PruningConfig, sparsity: float) -> TrainingConfig:
    """Settings of the recovery at ``sparsity``, from those the dense parent was trained with."""
    return training.model_copy(
        update={
            "epochs": pruning.recovery_epochs,
            "batch_size": pruning.recovery_batch or training.batch_size,
            "learning_rate": training.learning_rate * recovery_rate(pruning, sparsity),
            "early_stopping": None,
            "gradient_clip": pruning.gradient_clip,
            "encoder_rate": 1.0,  # after the cut the encoder has as much to learn as the rest
        }
    )


def between_training(training: TrainingConfig, pruning: PruningConfig, sparsity: float) -> TrainingConfig:
    """Settings of the fine-tuning between two cuts, of a network now at ``sparsity``.

    They are those of the recovery, at a rate that does not fall.
    """
    return recovery_training(training, pruning, sparsity).model_copy(
        update={"epochs": pruning.between_epochs, "schedule": "constant"}
    )


def followed_by_cut(pruning: PruningConfig, part: int) -> bool:
    """Whether part ``part`` of the schedule, from 0, closes channels and ends with a cut, not the last.

    >>> from descale.pruning.config import PruningConfig
    >>> linear = PruningConfig(strategy="linear", sparsity=0.9, updates=3, schedule_epochs=3)
    >>> [followed_by_cut(linear, part) for part in range(3)]
    [True, True, False]
    >>> warm = PruningConfig(strategy="movement", sparsity=0.9, updates=10, schedule_epochs=10)
    >>> [followed_by_cut(warm, part) for part in range(3)]
    [False, True, True]
    >>> followed_by_cut(linear.model_copy(update={"strategy": "one-shot"}), 0)
    False
    """
    if not pruning.cut_as_they_go:
        return False
    progress = find_strategy(pruning.strategy).progress
    before, after = (progress(at / pruning.updates, pruning.updates) for at in (part, part + 1))
    return before < after < 1.0


def pruning_epochs(pruning: PruningConfig) -> int:
    """Epochs of the schedule, of the fine-tuning between its cuts and of the recovery together."""
    between = sum(followed_by_cut(pruning, part) for part in range(pruning.updates)) * pruning.between_epochs
    return pruning.schedule_epochs + between + pruning.recovery_epochs


def recovery_side(training: TrainingConfig, pruning: PruningConfig) -> tuple[int, int]:
    """Height and width of the pictures of the recovery, multiples of the deepest feature map's stride.

    >>> from descale.pruning.config import PruningConfig
    >>> pruning = PruningConfig(strategy="agp", sparsity=0.9, recovery_scale=0.8)
    >>> recovery_side(TrainingConfig(size=(160, 512)), pruning)
    (128, 416)
    """
    height, width = training.crop or training.size
    if pruning.recovery_scale == 1.0:
        return height, width
    scale = pruning.recovery_scale / STRIDE
    return max(1, round(height * scale)) * STRIDE, max(1, round(width * scale)) * STRIDE
