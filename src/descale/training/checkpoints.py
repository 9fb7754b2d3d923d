"""The checkpoint of one run: written whole, read with care, never behind the last finished epoch."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from descale.base.errors import TrainingError
from descale.base.files import replacing_file

logger = logging.getLogger(__name__)

CHECKPOINT = "last.ckpt"
SECONDS_BETWEEN = 10.0
"""Epochs can be quicker than the disk. A stop loses none; only a process that is killed outright loses those
after the last writing, and the next start takes them again."""


class Checkpoint:
    """Keeps the state after every epoch, in memory or on disk."""

    def __init__(self, path: Path) -> None:
        self._path, self._written = path, time.monotonic()
        self._waiting: dict[str, Any] | None = None

    def keep(self, state: dict[str, Any], *, last: bool) -> None:
        """Take the state of a finished epoch; it is written now if the last writing was long ago."""
        if last or time.monotonic() - self._written > SECONDS_BETWEEN:
            self._write(state)
        else:
            self._waiting = _copied(state)

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting is not None:
            self._write(self._waiting)

    def _write(self, state: dict[str, Any]) -> None:
        with replacing_file(self._path) as temporary:  # no kill and no full disk leaves a torn one
            torch.save(state, temporary)
        self._waiting, self._written = None, time.monotonic()


def _copied(state: Any) -> Any:
    if isinstance(state, Tensor):
        return state.detach().clone()
    if isinstance(state, dict):
        return {key: _copied(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(_copied(value) for value in state)
    return state


def read_checkpoint(path: Path, network: nn.Module, device: torch.device) -> dict[str, Any]:
    """A checkpoint to go on from. It is this run's own, in its own folder, and never travels between people.

    Raises:
        TrainingError: it is corrupt, or of another network.
    """
    try:
        kept = dict(torch.load(path, map_location=device, weights_only=False))
    except Exception as error:
        raise TrainingError(
            f"Checkpoint {path} is corrupt ({type(error).__name__}). Delete it to train this run anew."
        ) from error
    own = {key: value.shape for key, value in network.state_dict().items()}
    found = kept.get("step", {}).get("network", {})
    if {key: value.shape for key, value in found.items()} != own or "epoch" not in kept:
        raise TrainingError(
            f"Checkpoint {path} is not of this network. Delete it to train this run anew, or choose "
            "another folder."
        )
    logger.info("continuing from %s", path)
    return kept
