"""Prune a trained network: schedule, cut, recover. Every stage is kept, so an interrupted run continues."""

from __future__ import annotations

from pathlib import Path

from descale.data import Dataset
from descale.models import SavedModel, load_model, save_model
from descale.pruning.config import PruningConfig
from descale.training.config import DeviceConfig, TrainingConfig
from descale.training.stages import PruningRun
from descale.training.train import check_classes, provenance


def prune_model(
    parent: SavedModel,
    dataset: Dataset,
    pruning: PruningConfig,
    training: TrainingConfig,
    folder: Path,
    *,
    seed: int = 0,
    devices: DeviceConfig | None = None,
) -> SavedModel:
    """Prune a dense model and save the result as ``folder/model``.

    A folder that holds a finished model is not worked on again; an interrupted one is continued.

    Args:
        parent: a trained dense model.
        dataset: its data set.
        pruning: strategy, sparsity or budget, recipe.
        training: the settings the parent was trained with; epochs and rates are replaced by the recipe's.
        folder: of this run.
        seed: of order, augmentation and random choices.
        devices: where to run.

    Raises:
        PruningError: nothing can be pruned, or the budget is below the floor.
        TrainingError: classes differ, the loss is not finite, or a checkpoint is corrupt.
    """
    check_classes(dataset, parent.spec)
    if (folder / "model" / "model.json").exists():
        return load_model(folder / "model")
    run = PruningRun(parent, dataset, pruning, training, folder, seed, devices)
    left = run.schedule()
    recovery = run.recover(left)
    made_by = provenance(dataset, training, seed, devices) | {
        "strategy": pruning.strategy,
        "pruning": pruning.model_dump(mode="json"),
        "recovery": recovery.model_dump(mode="json") if recovery else None,  # the rate where a rule chose it
        "parent": dict(parent.provenance),
        "sparsity": run.realised(left),
        "channels_removed": run.channels_removed(left),
    }
    model = SavedModel(parent.spec, left.network, parent.dense_widths, made_by)
    save_model(folder / "model", model)
    return model
