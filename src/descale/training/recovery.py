"""Fine-tuning after the last cut: the settings that pruned networks and their slim control share."""

from __future__ import annotations

from descale.models.spec import STRIDE
from descale.pruning.config import PruningConfig
from descale.training.config import TrainingConfig


def recovery_training(training: TrainingConfig, pruning: PruningConfig) -> TrainingConfig:
    """Settings of the recovery, from those the dense parent was trained with."""
    return training.model_copy(
        update={
            "epochs": pruning.recovery_epochs,
            "batch_size": pruning.recovery_batch or training.batch_size,
            "learning_rate": training.learning_rate * pruning.recovery_rate,
            "early_stopping": None,
            "encoder_rate": 1.0,  # after the cut the encoder has as much to learn as the rest
        }
    )


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
