"""The control of every comparison: the same slim network, trained from random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from descale.data import Dataset
from descale.models import SavedModel, build_network, load_model, save_model
from descale.models.widths import apply_widths
from descale.pruning.config import PruningConfig
from descale.training.config import DeviceConfig, TrainingConfig
from descale.training.recovery import pruning_epochs, recovery_training
from descale.training.train import check_classes, provenance, train_network


def slim_from_scratch(
    like: SavedModel,
    dataset: Dataset,
    training: TrainingConfig,
    folder: Path,
    *,
    side: tuple[int, int] | None = None,
    seed: int = 0,
    devices: DeviceConfig | None = None,
) -> SavedModel:
    """The control: the widths of ``like``, trained from random weights; saved as ``folder/model``.

    It is fair with the settings of the recovery, which were found for networks this slim, and with as many
    epochs as the dense parent, the schedule and all fine-tuning have together: see :func:`control_training`.

    Args:
        like: a pruned model.
        dataset: its data set.
        training: used as given.
        folder: of this run.
        side: (height, width) of the training pictures, default that of ``training``.
        seed: of weights, order and augmentation.
        devices: where to run.
    """
    check_classes(dataset, like.spec)
    if (folder / "model" / "model.json").exists():
        return load_model(folder / "model")
    network = slim_network(like, seed)
    train_network(
        network, dataset, like.spec, training, folder, seed=seed, devices=devices,
        side=side, label=f"{like.spec.architecture} slim from scratch",
    )  # fmt: skip
    made_by = provenance(dataset, training, seed, devices) | {"strategy": "slim-scratch"}
    model = SavedModel(like.spec, network, like.dense_widths, made_by)
    save_model(folder / "model", model)
    return model


def control_training(training: TrainingConfig, pruning: PruningConfig, sparsity: float) -> TrainingConfig:
    """Settings of the control for a network trained with ``training`` and cut to ``sparsity``."""
    epochs = training.epochs + pruning_epochs(pruning)
    return recovery_training(training, pruning, sparsity).model_copy(update={"epochs": epochs})


def slim_network(like: SavedModel, seed: int) -> nn.Module:
    """A network with the widths of ``like`` and weights drawn anew by each layer's own rule."""
    torch.manual_seed(seed)
    network = build_network(like.spec)
    apply_widths(network, like.widths)
    for module in network.modules():
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()
        for key, parameter in module.named_parameters(recurse=False):
            if key in ("gamma", "layer_scale"):
                nn.init.constant_(parameter, 1e-2)
    return network
