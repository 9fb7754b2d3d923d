"""One real trial: train, prune or copy the widths, then measure; from its settings to its row."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from descale.base.columns import COLUMNS
from descale.data import Dataset
from descale.evaluation import result_columns, summarise
from descale.evaluation.clean_photos import CleanPhotos
from descale.evaluation.confusion import write_confusions
from descale.evaluation.evaluate import image_confusions
from descale.evaluation.false_alarms import KEPT
from descale.evaluation.model_scores import model_false_alarms
from descale.models import (
    SavedModel,
    count_macs,
    count_parameters,
    keep_metrics,
    load_model,
    make_spec,
    save_model,
    weights_bytes,
)
from descale.study.artifacts import CONFUSIONS, LOG, MASKS, drop_columns
from descale.study.config import StudyData
from descale.study.datasets import clean_photos_of, dataset_of_trial, describe_data
from descale.study.floors import colour_floor
from descale.study.folder import MODEL, RESULT, WORK, Row
from descale.study.latency import latency_ms
from descale.study.pooling import pool_folds
from descale.study.trial import DENSE, POOLED, SLIM, DataDescription, Trial
from descale.training import (
    DeviceConfig,
    TrainingConfig,
    prune_model,
    slim_from_scratch,
    train_model,
)
from descale.training.devices import find_device
from descale.training.recovery import recovery_side

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TorchRunner:
    """The runner of real studies."""

    devices: DeviceConfig

    def describe(self, data: StudyData, root: Path) -> DataDescription:
        """Look at a data set; see :func:`descale.study.datasets.describe_data`."""
        return describe_data(data, root)

    def prepare(self, threads: int) -> None:
        """Give torch its threads, those of the settings first; their number decides the order of sums, hence
        the last bits."""
        torch.set_num_threads(self.devices.threads or threads)

    def run(self, trial: Trial, trials: Path) -> Row:
        """Run one trial and leave model, confusions and predicted masks in its folder."""
        if trial.kind == POOLED:
            return pool_folds(trial, trials)
        dataset = dataset_of_trial(trial, trials.parent)
        clean = clean_photos_of(trial)
        folder = trials / trial.id
        work = folder / WORK / f"{trial.architecture}-{trial.strategy}-{trial.sparsity:g}-seed-{trial.seed}"
        save_model(folder / MODEL, _make(trial, trials, dataset, work, self.devices))
        _keep_logs(work, folder / LOG)
        # read anew: tensors from a file lie otherwise in memory, and after a stop there are no others
        model = load_model(folder / MODEL)
        return measure(trial, model, dataset, clean, trials, find_device(self.devices))


def measure(
    trial: Trial,
    model: SavedModel,
    dataset: Dataset,
    clean: CleanPhotos | None,
    trials: Path,
    device: torch.device,
) -> Row:
    """Evaluate a model on both splits, and count what it costs; headline columns are of the test split.

    Where there are photos without corrosion, ``clean``, its false alarms are counted on them.

    Where ``device`` is not the CPU, latency is left out: beside other work it would be a chance figure.
    """
    folder = trials / trial.id
    shutil.rmtree(folder / MASKS, ignore_errors=True)
    confusions = {
        "valid": image_confusions(model, dataset.split("valid"), device=device),
        "test": image_confusions(model, dataset.split("test"), masks_folder=folder / MASKS, device=device),
    }
    write_confusions(folder / CONFUSIONS, confusions)
    floors = colour_floor(trial, dataset, trials.parent / "floors")
    summaries = {
        split: summarise(confusions[split], dataset.classes, colour=floors[split]) for split in confusions
    }
    metrics = {split: summary.to_json() for split, summary in summaries.items()}
    alarms = None if clean is None else model_false_alarms(model, clean, device=device)
    if alarms is not None:
        metrics[KEPT] = alarms.to_json()
    keep_metrics(folder / MODEL, metrics)
    columns = {split: result_columns(summary) for split, summary in summaries.items()}
    height, width = model.spec.input_size
    row: Row = {
        **_removed(trial, model, trials),
        "params": count_parameters(model.network),
        "macs": count_macs(model.network, (height, width)),
        "size_bytes": weights_bytes(folder / MODEL),
        **columns["test"],
        **drop_columns(trial, confusions["test"], dataset.classes, trials),
        **{f"{name}_valid": columns["valid"].get(name) for name, column in COLUMNS.items() if column.valid},
        **({} if alarms is None else alarms.columns()),
        "latency_ms": latency_ms(model, torch.get_num_threads()) if device.type == "cpu" else None,
        "input_size": f"{height}x{width}",
        "threads": torch.get_num_threads(),
        "device": model.provenance.get("device"),
        "precision": model.provenance.get("precision"),
        "torch": torch.__version__,
    }
    return row


def _make(trial: Trial, trials: Path, dataset: Dataset, work: Path, devices: DeviceConfig) -> SavedModel:
    if trial.kind == DENSE:
        spec = make_spec(
            trial.architecture, trial.encoder, classes=dataset.classes, input_size=trial.training.size
        )
        return train_model(
            dataset,
            spec,
            trial.training,
            work,
            encoder_weights=trial.encoder_weights,
            seed=trial.seed,
            devices=devices,
        )
    if trial.kind == SLIM:
        assert trial.like is not None
        assert trial.pruning is not None
        like = load_model(trials / trial.like / MODEL)
        return slim_from_scratch(
            like,
            dataset,
            _control_training(trial, like),
            work,
            side=recovery_side(trial.training, trial.pruning),
            seed=trial.seed,
            devices=devices,
        )
    assert trial.dense is not None
    assert trial.pruning is not None
    parent = load_model(trials / trial.dense / MODEL)
    return prune_model(
        parent,
        dataset,
        trial.pruning,
        trial.training,
        work,
        seed=trial.seed,
        devices=devices,
    )


def _control_training(trial: Trial, like: SavedModel) -> TrainingConfig:
    """That of the trial; where the share of all channels was given, at the rate of the network it stands
    beside: what that left of each layer is known only now."""
    recovery = like.provenance.get("recovery")
    if trial.pruning is None or trial.pruning.sparsity_over == "layers" or recovery is None:
        return trial.training
    return trial.training.model_copy(update={"learning_rate": recovery["learning_rate"]})


def _removed(trial: Trial, model: SavedModel, trials: Path) -> dict[str, float | None]:
    """Channels that are gone, as the mean over the prunable layers and of all these layers together.

    A slim copy has the shares of its model.
    """
    if trial.like is not None:
        row = json.loads((trials / trial.like / RESULT).read_text(encoding="utf-8"))
        return {name: row.get(name) for name in ("sparsity_realised", "channels_removed")}
    if trial.kind != "pruned":
        return {"sparsity_realised": 0.0, "channels_removed": 0.0}
    made = model.provenance
    return {"sparsity_realised": made["sparsity"], "channels_removed": made.get("channels_removed")}


def _keep_logs(work: Path, target: Path) -> None:
    """Curves of the training outlive its checkpoints."""
    for log in sorted(work.rglob(LOG)):
        if log.is_dir():
            shutil.copytree(log, target / log.relative_to(work).parent, dirs_exist_ok=True)
