"""Train and prune as a person does: from a data set's folder to a run's folder that answers for itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from descale.base.classes import BINARY
from descale.base.errors import ConfigError, ModelError
from descale.base.files import sha256_of
from descale.base.settings import by_name, joined, require_seed, require_text, validated
from descale.data import Dataset, load_dataset
from descale.data.check.refuse import checked_dataset
from descale.deploy.exportable import require_exportable
from descale.models import DEFAULT_ENCODER, SavedModel, load_model, make_spec, read_description, require_dense
from descale.pruning import PruningConfig
from descale.training.config import DeviceConfig, TrainingConfig
from descale.training.devices import check_devices
from descale.training.prune import prune_model
from descale.training.run_folder import (
    CHECKED,
    claimed_folder,
    content_of_weights,
    has_passed,
    remember_passed,
)
from descale.training.train import train_model


def train(
    data: str | Path,
    out: str | Path,
    *,
    architecture: str = "unet",
    encoder: str = DEFAULT_ENCODER,
    encoder_weights: str = "imagenet",
    binary: bool = False,
    size: int | tuple[int, int] = 160,
    epochs: int = 40,
    training: Mapping[str, Any] | None = None,
    devices: Mapping[str, Any] | None = None,
    seed: int = 0,
    accept_problems: bool = False,
) -> Path:
    """Train a dense network; returns the model's folder, ``out/model``.

    The data set is checked first. Interrupt it as you like: the same call goes on where it stopped, and
    returns at once when the model is there. A folder that holds a run with other settings is refused.

    Args:
        data: a data set as for :func:`descale.load_dataset`: a folder, a description (.yaml) or a preset.
        out: folder of the run, made if need be.
        architecture: a name in :data:`descale.models.ARCHITECTURES`.
        encoder: any encoder of segmentation_models_pytorch.
        encoder_weights: what the encoder starts from: ``imagenet``, ``none``, or a file.
        binary: merge all classes of corrosion into one.
        size: side, or (height, width), in pixels at which the network sees a photo, multiples of 32.
        epochs: passes over the training split.
        training: other settings of :class:`descale.training.TrainingConfig` by name.
        devices: settings of :class:`descale.training.DeviceConfig` by name, such as ``{"threads": 2}``.
        seed: of everything random, 0 to 2**31 - 1.
        accept_problems: train although the check of the data failed, or the network can never be exported.

    Raises:
        ConfigError: a setting is wrong, ``out`` holds another run or other files, or a run is at work there.
        DataError: the data set cannot be read, or a result on it would be false.
        ExportError: such a network could not be exported afterwards.
        ModelError: architecture or encoder are unknown, or the encoder's weights cannot be had.
        PruningError: nothing in such a network could be pruned afterwards.
        TrainingError: the loss is not finite, or a checkpoint is corrupt.

    >>> import descale                                                              # doctest: +SKIP
    >>> descale.train("photos", "runs/dense", architecture="linknet", size=64, epochs=1,
    ...               training={"batch_size": 8}, devices={"progress": False})      # doctest: +SKIP
    PosixPath('runs/dense/model')
    """
    named = {"size": (size, size) if isinstance(size, int) else size, "epochs": epochs}
    config = validated(TrainingConfig, joined(named, training, section="training"), section="training")
    where = _devices(devices)
    require_seed(seed)
    for name, value in (
        ("architecture", architecture), ("encoder", encoder), ("encoder_weights", encoder_weights),
    ):  # fmt: skip
        require_text(name, value)
    spec = make_spec(
        architecture, encoder, input_size=config.size
    )  # unknown names fail before photos are read
    if not (accept_problems or (Path(out) / "model" / "model.json").exists()):
        require_exportable(spec)
    dataset = _checked(data, Path(out), binary=binary, accept_problems=accept_problems)
    spec = make_spec(architecture, encoder, classes=dataset.classes, input_size=config.size)
    settings = {
        "command": "train",
        "data": dataset.fingerprint(),
        "model": spec.to_json(),
        "encoder_weights": encoder_weights,
        "training": config.model_dump(mode="json"),
        "seed": seed,
    }
    settings |= content_of_weights(encoder_weights)
    folder = Path(out)
    with claimed_folder(folder, settings):
        if not accept_problems:
            remember_passed(folder, dataset.fingerprint())
        train_model(dataset, spec, config, folder, encoder_weights=encoder_weights, seed=seed, devices=where)
    return folder / "model"


def prune(
    model: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    sparsity: float | None = None,
    budget: Mapping[str, float] | None = None,
    strategy: str = "agp",
    recipe: str = "descale",
    recovery_epochs: int | None = None,
    pruning: Mapping[str, Any] | None = None,
    devices: Mapping[str, Any] | None = None,
    seed: int = 0,
    accept_problems: bool = False,
) -> Path:
    """Remove channels from a trained network and recover what it knew; returns the folder ``out/model``.

    Interrupt it as you like: the same call goes on where it stopped, and returns at once when the model is
    there. A folder that holds a run with other settings is refused.

    Args:
        model: folder of a dense model, as :func:`descale.train` returns it.
        data: the data set it was trained on.
        out: folder of the run, made if need be.
        sparsity: mean share of channels to remove, above 0 and below 1.
        budget: instead of ``sparsity``, one share of the dense network's ``params``, ``macs`` or ``latency``
            that may stay, such as ``{"macs": 0.1}``.
        strategy: a name in :data:`descale.pruning.STRATEGIES`.
        recipe: a name in :data:`descale.pruning.RECIPES`; gives all values that are not given here.
        recovery_epochs: passes over the training split after the last cut.
        pruning: other settings of :class:`descale.pruning.PruningConfig` by name.
        devices: settings of :class:`descale.training.DeviceConfig` by name, such as ``{"threads": 2}``.
        seed: of everything random, 0 to 2**31 - 1.
        accept_problems: prune although the check of the data failed.

    Raises:
        ConfigError: a setting is wrong, ``out`` holds another run or other files, or a run is at work there.
        ModelError: the model is damaged, already pruned, or does not say how it was trained.
        DataError: the data set cannot be read, or a result on it would be false.
        PruningError: nothing can be pruned, or the budget is below what the network needs.
        TrainingError: data and model have other classes, the loss is not finite, a checkpoint is corrupt.

    >>> import descale                                                              # doctest: +SKIP
    >>> descale.prune("runs/dense/model", "photos", "runs/small", sparsity=0.5, strategy="one-shot",
    ...               recovery_epochs=1, devices={"progress": False})               # doctest: +SKIP
    PosixPath('runs/small/model')
    """
    named = {
        "strategy": strategy,
        "sparsity": sparsity,
        "budget": None if budget is None else by_name(budget, "budget"),
        "recipe": recipe,
        "recovery_epochs": recovery_epochs,
    }
    chosen = validated(PruningConfig, joined(named, pruning, section="pruning"), section="pruning")
    where = _devices(devices)
    require_seed(seed)
    parent = load_model(Path(model))
    training = _training_of(parent, model)
    binary, folder = parent.spec.classes == BINARY, Path(out)
    dataset = _checked(data, folder, binary=binary, accept_problems=accept_problems)
    settings = {
        "command": "prune",
        "data": dataset.fingerprint(),
        "weights": read_description(Path(model))["weights_sha256"],
        "pruning": chosen.model_dump(mode="json"),
        "seed": seed,
    }
    if chosen.latency_table is not None:  # its path says nothing of what is in it
        settings["latency_table_sha256"] = _table_hash(chosen.latency_table)
    with claimed_folder(folder, settings):
        if not accept_problems:
            remember_passed(folder, dataset.fingerprint())
        prune_model(parent, dataset, chosen, training, folder, seed=seed, devices=where)
    return folder / "model"


def _checked(data: str | Path, folder: Path, *, binary: bool, accept_problems: bool) -> Dataset:
    """The data set; not checked again if a run in ``folder`` began with the same content, which passed."""
    if not accept_problems and (folder / CHECKED).is_file():
        dataset = load_dataset(data, binary=binary)
        if has_passed(folder, dataset.fingerprint()):
            return dataset
    return checked_dataset(data, binary=binary, accept_problems=accept_problems)


def _training_of(parent: SavedModel, place: str | Path) -> TrainingConfig:
    """The settings a dense model was trained with."""
    if "training" not in parent.provenance:
        raise ModelError(f"{place} does not say how it was trained; train it with: descale train")
    require_dense(parent, place)
    return validated(TrainingConfig, parent.provenance["training"], section="training")


def _devices(values: Mapping[str, Any] | None) -> DeviceConfig:
    """Where to run; what this machine lacks is said before anything is read."""
    found = validated(DeviceConfig, by_name(values, "devices"), section="devices")
    check_devices(found)
    return found


def _table_hash(path: str) -> str:
    try:
        return sha256_of(Path(path))
    except OSError as error:
        raise ConfigError(
            f"latency_table {path} cannot be read: {error.strerror}. Check the path."
        ) from error
