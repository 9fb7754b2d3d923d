"""Small prunings of the dense network of the training tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.training.runs import CPU, config

from descale.data import Dataset
from descale.models import SavedModel, load_model
from descale.pruning import PruningConfig
from descale.training import prune_model


def short(strategy: str = "agp", **changes: Any) -> PruningConfig:
    """A schedule of two cuts and two epochs, and two epochs of recovery."""
    values = {
        "strategy": strategy, "updates": 2, "schedule_epochs": 2, "recovery_epochs": 2, "recovery_batch": 7,
        "between_epochs": 0,
    }  # fmt: skip
    if "budget" not in changes:
        values["sparsity"] = 0.5
    return PruningConfig.model_validate(values | changes)


def pruned(dense: Path, photos: Dataset, settings: PruningConfig, folder: Path, **changes: Any) -> SavedModel:
    """Prune the dense network, loaded anew."""
    return prune_model(load_model(dense), photos, settings, config(), folder, devices=CPU, **changes)
