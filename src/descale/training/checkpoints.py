"""Checkpoints of one run: written whole, read with care, found again in a folder that was moved."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from descale.base.errors import TrainingError
from descale.base.files import replacing_file

logger = logging.getLogger(__name__)

CHECKPOINT = "last.ckpt"
BEST = "best.ckpt"


def keep_last(folder: Path) -> ModelCheckpoint:
    """Keeps the last epoch of a run."""
    return ModelCheckpoint(
        dirpath=folder, filename=CHECKPOINT.removesuffix(".ckpt"), save_top_k=1, enable_version_counter=False,
        save_on_train_epoch_end=True,
    )  # fmt: skip


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside the last one and renames it: no kill and no full disk leaves a torn one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with replacing_file(Path(path)) as temporary:
            torch.save(checkpoint, temporary)


class BestEpoch(ModelCheckpoint):
    """Keeps the best epoch of a run, also in a folder that was moved since it began."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            dirpath=folder, filename=BEST.removesuffix(".ckpt"), monitor="valid_iou", mode="max",
            enable_version_counter=False,
        )  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        path = str(Path(str(self.dirpath)) / BEST)
        here = {"dirpath": self.dirpath, "best_model_path": path, "kth_best_model_path": path}
        scores = {"best_k_models": {path: state_dict["best_model_score"]}}
        super().load_state_dict({**state_dict, **here, **scores})


def read_checkpoint(checkpoint: Path) -> dict[str, Any]:
    """A checkpoint is this run's own, in its own folder; it never travels between people.

    Raises:
        TrainingError: it is corrupt.
    """
    try:
        return dict(torch.load(checkpoint, map_location="cpu", weights_only=False))
    except Exception as error:
        raise TrainingError(
            f"Checkpoint {checkpoint} is corrupt ({type(error).__name__}). Delete it to train this run anew."
        ) from error


def read_own(checkpoint: Path, module: nn.Module) -> dict[str, Any]:
    """A checkpoint to go on from.

    Raises:
        TrainingError: it is corrupt, or of another network.
    """
    kept = read_checkpoint(checkpoint)
    own = {key: value.shape for key, value in module.state_dict().items()}
    if {key: value.shape for key, value in kept.get("state_dict", {}).items()} != own or "epoch" not in kept:
        raise TrainingError(
            f"Checkpoint {checkpoint} is not of this network. Delete it to train this run anew, or choose "
            "another folder."
        )
    logger.info("continuing from %s", checkpoint)
    return kept


def stopped_early(kept: dict[str, Any]) -> bool:
    """Whether early stopping had ended the run that left this checkpoint."""
    states = [state for key, state in kept.get("callbacks", {}).items() if key.startswith("EarlyStopping")]
    return any(state["wait_count"] >= state["patience"] for state in states)
