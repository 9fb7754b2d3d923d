"""Training: settings, losses, and runs that can be interrupted and continued."""

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
