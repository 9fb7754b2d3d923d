"""One training run in a folder: epochs, scores, a checkpoint to go on from, exact continuation."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from descale.base.errors import TimeIsUp, TrainingError
from descale.data.loading import PixelArrays
from descale.models import ModelSpec, memory_format
from descale.training.batches import TrainingPictures
from descale.training.checkpoints import CHECKPOINT, Checkpoint, read_checkpoint
from descale.training.config import DeviceConfig, TrainingConfig
from descale.training.deadline import Deadline
from descale.training.devices import find_device, find_precision
from descale.training.loggers import Curves, open_curves
from descale.training.step import StepHook, TrainingStep
from descale.training.validation import Validation, shows_any

logger = logging.getLogger(__name__)

LOG = "log"
TERMINATED = 143
"""Exit status after SIGTERM, as shells give it."""


class _Terminated(BaseException):
    """The process was told to end."""


def fit(
    network: nn.Module,
    spec: ModelSpec,
    pictures: TrainingPictures,
    validation: PixelArrays,
    config: TrainingConfig,
    folder: Path,
    *,
    seed: int,
    label: str,
    devices: DeviceConfig | None = None,
    hook: StepHook | None = None,
    score_last: bool = True,
) -> None:
    """Train ``network`` in place; a run that was interrupted in ``folder`` goes on where it stopped.

    On a CPU with as many threads it then ends with the same weights to the last bit. On CUDA it sees the same
    pictures in the same order, but a GPU does not always add in the same order.

    Args:
        network: normalised RGB ``(N, 3, H, W)`` -> logits ``(N, K, H, W)``; after it, on the CPU
            and in eval mode.
        spec: its normalisation, classes and threshold.
        pictures: what it learns from.
        validation: what it is scored on.
        config: settings.
        folder: of this run: its checkpoint and ``log/metrics.csv``.
        seed: of order, augmentation and dropout.
        label: names the run in the log.
        devices: where to run.
        hook: watches every step.
        score_last: score the last epoch also where ``config.validate_every`` does not ask for it.

    Raises:
        TrainingError: the loss is not finite, the checkpoint in ``folder`` is corrupt, a step shows too
            little for batch norm, or a training shall stop early by the score of a validation split that
            shows no corrosion.
        TimeIsUp: the next epoch would not end before ``devices.stop_at``; all finished epochs are kept.
        KeyboardInterrupt: the user stopped it; the last finished epoch is kept.
        SystemExit: the process was told to end (SIGTERM), with status :data:`TERMINATED`; the same.
    """
    if config.early_stopping is not None and not shows_any(validation, spec.classes.corrosion_ids):
        raise TrainingError(
            "The validation split shows no corrosion, so no epoch is better than another: leave "
            "early_stopping out, or put photos with corrosion there."
        )
    pictures.require_enough(config.batch_size)
    if len(pictures) < config.batch_size:
        logger.info(
            "%s: %d photos, so batches of %d instead of %d",
            label, len(pictures), len(pictures), config.batch_size,
        )  # fmt: skip
    devices = devices or DeviceConfig()
    if devices.threads:
        torch.set_num_threads(devices.threads)
    torch.set_flush_denormal(True)  # decaying weights turn denormal and slow a CPU tenfold
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    device = find_device(devices)
    precision = find_precision(devices, device)
    logger.info("%s: computes on %s in %s", label, device.type, str(precision).removeprefix("torch."))
    network.to(device).to(memory_format=memory_format(network)).train()
    run = _Run(
        network, spec, pictures.to(device), validation, config, seed, label, device, precision, devices, hook,
        score_last=score_last,
    )  # fmt: skip
    if (folder / CHECKPOINT).exists():
        run.go_on(read_checkpoint(folder / CHECKPOINT, network, device))
    if not run.done:
        checkpoint = Checkpoint(folder / CHECKPOINT)
        with (
            open_curves(folder / LOG, run.epoch, devices.loggers) as curves,
            _terminable(label),
            _bar(devices.progress, label, run) as advance,
        ):
            try:
                run.train(checkpoint, curves, advance)
            finally:
                checkpoint.flush()
    network.load_state_dict(run.result())
    network.to("cpu").eval()


class _Run:
    """A training between two epochs: what has been learnt, and what is the best so far."""

    def __init__(
        self,
        network: nn.Module,
        spec: ModelSpec,
        pictures: TrainingPictures,
        validation: PixelArrays,
        config: TrainingConfig,
        seed: int,
        label: str,
        device: torch.device,
        precision: torch.dtype,
        devices: DeviceConfig,
        hook: StepHook | None,
        *,
        score_last: bool,
    ) -> None:
        self._score_last = score_last
        self._network, self._pictures, self._config = network, pictures, config
        self._seed, self._label, self._device, self._hook = seed, label, device, hook
        self.steps = pictures.steps(config.batch_size)
        self._step = TrainingStep(
            network, spec, config, pictures, total_steps=self.steps * config.epochs, device=device,
            precision=precision, hook=hook,
        )  # fmt: skip
        self._validation = Validation(self._step, spec, validation, config, device)
        self.epoch = 0
        self._deadline = Deadline(devices.stop_at)
        self._best, self._best_epoch = -math.inf, 0
        self._best_weights: dict[str, Tensor] | None = None

    @property
    def total_epochs(self) -> int:
        """Epochs of the whole run."""
        return self._config.epochs

    @property
    def done(self) -> bool:
        """Whether all epochs are over, or as many as early stopping allows without a better score."""
        patience = self._config.early_stopping
        if self.epoch >= self._config.epochs:
            return True
        if patience is None or self._best_weights is None:
            return False
        looks = math.ceil(patience / self._config.validate_every)
        return self.epoch - self._best_epoch >= looks * self._config.validate_every

    def train(self, checkpoint: Checkpoint, curves: Curves, advance: Callable[[], None]) -> None:
        """Take the epochs that are left."""
        if self._hook is not None:
            self._hook.begin(self.steps * self._config.epochs, self._device)
        longest = 0.0
        while not self.done:
            if not self._deadline.allows(longest, time.time()):
                raise TimeIsUp(
                    f"{self._label}: stopped after epoch {self.epoch} of {self._config.epochs}, its time is "
                    "up. Run the same command again to continue."
                )
            start = time.perf_counter()
            loss = self._one_epoch(advance)
            self.epoch += 1
            score, told = math.nan, ""
            last = self._score_last and self.epoch == self._config.epochs
            if last or self.epoch % self._config.validate_every == 0:
                score = self._validation.score()
                self._judge(score)
                told = f", valid IoU {score:.4f}"
            checkpoint.keep(self.state(), last=self.done)
            curves(
                {
                    "epoch": self.epoch - 1, "step": self._step.steps, "loss": loss, "valid_iou": score,
                    "learning_rate": self._step.rate,
                }
            )  # fmt: skip
            logger.info(
                "%s: epoch %d/%d, loss %.4f%s, %.1f s",
                self._label, self.epoch, self._config.epochs, loss, told, time.perf_counter() - start,
            )  # fmt: skip
            longest = max(longest, time.perf_counter() - start)
        if self._hook is not None:
            self._hook.end()

    def _one_epoch(self, advance: Callable[[], None]) -> float:
        epoch = self._pictures.epoch(
            batch_size=self._config.batch_size, seed=self._seed, epoch=self.epoch, device=self._device
        )
        self._network.train()
        self._step.record(epoch)
        torch.manual_seed(self._seed * 1_000_003 + self.epoch)  # dropout depends on seed and epoch alone
        for index in range(len(epoch)):
            self._step(epoch, index)
            advance()
        loss = self._step.mean_loss(len(epoch))
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss is {loss} in epoch {self.epoch + 1}. "
                f"Lower learning_rate (now {self._config.learning_rate:g}; of a pruning schedule_rate or "
                "recovery_rate) or check the labels, and begin in another folder."
            )
        return loss

    def _judge(self, score: float) -> None:
        if self._config.early_stopping is not None and score > self._best:
            self._best, self._best_epoch = score, self.epoch
            weights = self._step.shown.state_dict()
            self._best_weights = {key: value.detach().clone() for key, value in weights.items()}

    def result(self) -> dict[str, Tensor]:
        """The weights that the run leaves.

        Raises:
            TrainingError: one is not finite: the last step can spoil them, which no loss tells.
        """
        weights = self._best_weights or self._step.shown.state_dict()
        if not all(bool(torch.isfinite(value).all()) for value in weights.values()):
            raise TrainingError(
                f"{self._label}: the weights are not finite after {self._step.steps} steps. Lower "
                f"learning_rate (now {self._config.learning_rate:g}; of a pruning schedule_rate or "
                "recovery_rate), and begin in another folder."
            )
        return weights

    def state(self) -> dict[str, Any]:
        """All that a continuation needs."""
        return {
            "epoch": self.epoch, "step": self._step.state_dict(), "best": self._best,
            "best_epoch": self._best_epoch, "best_weights": self._best_weights,
        }  # fmt: skip

    def go_on(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.epoch = state["epoch"]
        self._best, self._best_epoch = state["best"], state["best_epoch"]
        self._best_weights = state["best_weights"]
        self._step.load_state_dict(state["step"])


@contextmanager
def _terminable(label: str) -> Iterator[None]:
    """SIGTERM ends the block as an exception, so that the last epoch is kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except _Terminated:
        logger.warning("%s: terminated; run the same command again to continue", label)
        raise SystemExit(TERMINATED) from None
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _bar(shown: bool, label: str, run: _Run) -> Iterator[Callable[[], None]]:
    """A bar over all steps of the run, where one is wanted."""
    if not shown:
        yield lambda: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as progress:
        total = run.steps * run.total_epochs
        task = progress.add_task(label.replace("[", "\\["), total=total, completed=run.steps * run.epoch)
        yield lambda: progress.advance(task)
