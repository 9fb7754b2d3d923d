"""Train a dense network, or any network of the same interface, on a data set."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch import nn

from descale import __version__
from descale.base.errors import TrainingError
from descale.data import Dataset
from descale.models import ModelSpec, SavedModel, build_network, load_model, read_widths, save_model
from descale.pruning import build_channel_graph
from descale.training.config import DeviceConfig, TrainingConfig
from descale.training.devices import find_device, find_precision
from descale.training.fit import fit
from descale.training.pictures import RunPictures

logger = logging.getLogger(__name__)


def train_model(
    dataset: Dataset,
    spec: ModelSpec,
    config: TrainingConfig,
    folder: Path,
    *,
    encoder_weights: str = "none",
    seed: int = 0,
    devices: DeviceConfig | None = None,
) -> SavedModel:
    """Train a dense network and save it as ``folder/model``.

    A folder that holds a finished model is not trained again; an interrupted one is continued.

    Raises:
        TrainingError: data and model differ in classes, training and model in size; the loss is not finite;
            a checkpoint is corrupt.
        DataError: the pictures cannot be read.
        ModelError: the encoder's weights cannot be had.
        PruningError: nothing in such a network could be pruned.
    """
    check_classes(dataset, spec)
    if spec.input_size != config.size:
        (height, width), shown = spec.input_size, config.size
        raise TrainingError(
            f"The model is for photos of {height}x{width}, the training shows {shown[0]}x{shown[1]}. "
            "Give both the same size."
        )
    if (folder / "model" / "model.json").exists():
        return load_model(folder / "model")
    torch.manual_seed(seed)
    network = build_network(spec, encoder_weights=encoder_weights)
    build_channel_graph(network)  # what could not be pruned afterwards is refused before it is trained
    dense_widths = read_widths(network)
    train_network(
        network, dataset, spec, config, folder, seed=seed, devices=devices, label=f"{spec.architecture} dense"
    )
    made_by = provenance(dataset, config, seed, devices) | {
        "encoder_weights": encoder_weights,
        "strategy": "dense",
    }
    model = SavedModel(spec, network, dense_widths, made_by)
    save_model(folder / "model", model)
    return model


def train_network(
    network: nn.Module,
    dataset: Dataset,
    spec: ModelSpec,
    config: TrainingConfig,
    folder: Path,
    *,
    seed: int,
    label: str,
    devices: DeviceConfig | None = None,
    side: tuple[int, int] | None = None,
) -> None:
    """Train any network ``(N, 3, H, W) -> (N, K, H, W)`` in place on the labels of a data set.

    ``side`` is the (height, width) of the training pictures where that is not the configured one.
    """
    pictures = RunPictures(dataset, config)
    source = pictures.full if side is None else pictures.at(side)
    fit(network, spec, source, pictures.validation, config, folder, seed=seed, label=label, devices=devices)


def check_classes(dataset: Dataset, spec: ModelSpec) -> None:
    """A model must know the classes of the data, in their order.

    Raises:
        TrainingError: they differ.
    """
    if dataset.classes.names != spec.classes.names:
        raise TrainingError(
            f"The model has classes {', '.join(spec.classes.names)}, data set '{dataset.name}' has "
            f"{', '.join(dataset.classes.names)}. Train a dense model on this data set first."
        )


def provenance(
    dataset: Dataset, config: TrainingConfig, seed: int, devices: DeviceConfig | None = None
) -> dict[str, Any]:
    """What made a model: data, settings, device, versions."""
    import segmentation_models_pytorch as smp

    devices = devices or DeviceConfig()
    device = find_device(devices)
    return {
        "dataset": dataset.name,
        "dataset_fingerprint": dataset.fingerprint(),
        "training": config.model_dump(mode="json"),
        "seed": seed,
        "threads": torch.get_num_threads(),
        "device": device.type,
        "precision": str(find_precision(devices, device)).removeprefix("torch."),
        "versions": {
            "descale": __version__,
            "torch": torch.__version__,
            "segmentation_models_pytorch": smp.__version__,
        },
    }
