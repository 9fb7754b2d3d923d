"""Training: settings, losses, and runs that can be interrupted and continued."""

from descale.training.config import DeviceConfig, TrainingConfig
from descale.training.train import train_model, train_network

__all__ = ["DeviceConfig", "TrainingConfig", "train_model", "train_network"]
