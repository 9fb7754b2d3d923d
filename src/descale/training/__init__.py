"""Training: settings, losses, and runs that can be interrupted and continued."""

from typing import TYPE_CHECKING

from descale.base.lazy import lazy_members

if TYPE_CHECKING:
    from descale.training.config import DeviceConfig, TrainingConfig
    from descale.training.control import slim_from_scratch
    from descale.training.prune import prune_model
    from descale.training.train import train_model, train_network

__all__ = [
    "DeviceConfig",
    "TrainingConfig",
    "prune_model",
    "slim_from_scratch",
    "train_model",
    "train_network",
]

__getattr__ = lazy_members(
    __name__,
    {
        "config": "DeviceConfig TrainingConfig",
        "control": "slim_from_scratch",
        "prune": "prune_model",
        "train": "train_model train_network",
    },
)
