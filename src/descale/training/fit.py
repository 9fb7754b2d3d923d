"""One run of Lightning's trainer in a folder: logs, a checkpoint after every epoch, exact continuation."""

from __future__ import annotations

import logging
import math
import os
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    RichProgressBar,
    WeightAveraging,
)
from lightning.pytorch.loggers import Logger, TensorBoardLogger

from descale.base.errors import ConfigError
from descale.data.loading import PixelArrays
from descale.models import memory_format
from descale.training.averaging import moving_average
from descale.training.batches import BatchSource, epoch_loader, validation_batches
from descale.training.bfloat import cpu_has_bfloat16
from descale.training.checkpoints import (
    BEST,
    CHECKPOINT,
    BestEpoch,
    WholeCheckpoints,
    keep_last,
    read_checkpoint,
    read_own,
    stopped_early,
)
from descale.training.config import DeviceConfig, TrainingConfig
from descale.training.curves import FOLDER, csv_logger
from descale.training.module import SegmentationModule

logger = logging.getLogger(__name__)

TERMINATED = 143
"""Exit status after SIGTERM, as shells give it."""


class _Epochs(lightning.LightningDataModule):
    def __init__(
        self, source: BatchSource, validation: PixelArrays, config: TrainingConfig, seed: int, workers: int
    ) -> None:
        super().__init__()
        self._source, self._validation, self._config = source, validation, config
        self._seed, self._workers = seed, workers

    def train_dataloader(self) -> Any:
        assert self.trainer is not None
        return epoch_loader(
            self._source,
            batch_size=self._config.batch_size,
            seed=self._seed,
            epoch=self.trainer.current_epoch,
            workers=self._workers,
        )

    def val_dataloader(self) -> Any:
        return validation_batches(self._validation, 2 * self._config.batch_size)


class _EpochLog(Callback):
    """One line an epoch, and torch's random numbers a function of seed and epoch alone."""

    def __init__(self, label: str, seed: int) -> None:
        self._label, self._seed, self._start = label, seed, 0.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        torch.manual_seed(self._seed * 1_000_003 + trainer.current_epoch)
        self._start = time.perf_counter()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        scores = {name: float(value) for name, value in trainer.callback_metrics.items()}
        logger.info(
            "%s: epoch %d/%s, loss %.4f, valid IoU %.4f, %.1f s",
            self._label,
            trainer.current_epoch + 1,
            trainer.max_epochs,
            scores.get("loss", float("nan")),
            scores.get("valid_iou", float("nan")),
            time.perf_counter() - self._start,
        )


def fit(
    module: SegmentationModule,
    source: BatchSource,
    validation: PixelArrays,
    config: TrainingConfig,
    folder: Path,
    *,
    seed: int,
    label: str,
    devices: DeviceConfig | None = None,
    callbacks: Iterable[Callback] = (),
) -> None:
    """Train ``module`` in place; a run that was interrupted in ``folder`` goes on where it stopped.

    Raises:
        TrainingError: the loss is not finite, or the checkpoint in ``folder`` is corrupt.
        KeyboardInterrupt: the user stopped it; the last epoch's checkpoint stays.
        SystemExit: the process was told to end (SIGTERM), with status :data:`TERMINATED`; the same.
    """
    devices = devices or DeviceConfig()
    if devices.threads:
        torch.set_num_threads(devices.threads)
    torch.set_flush_denormal(True)  # decaying weights turn denormal and slow a CPU tenfold
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    checkpoint = folder / CHECKPOINT
    kept = read_own(checkpoint, module) if checkpoint.exists() else None
    extra: list[Callback] = [_EpochLog(label, seed)]
    if config.early_stopping:
        looks = math.ceil(config.early_stopping / config.validate_every)
        extra += [BestEpoch(folder), EarlyStopping("valid_iou", mode="max", patience=looks)]
    extra.append(keep_last(folder))  # after the best, so that its checkpoint knows of it
    if config.ema is not None:
        # Lightning's EMA callback averages tensor by tensor, which took a fifth of a slim network's step
        extra.append(WeightAveraging(multi_avg_fn=moving_average(config.ema)))
    if devices.progress:
        extra.append(RichProgressBar(leave=False))
    # what it says at that level is about devices it does not use and services it recommends
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    trainer = lightning.Trainer(
        max_epochs=config.epochs,
        accelerator=devices.accelerator,
        devices=1 if devices.devices == "auto" else devices.devices,
        precision=_precision(devices),
        callbacks=[*extra, *callbacks],
        logger=[csv_logger(folder, 0 if kept is None else kept["epoch"] + 1), *_loggers(devices, folder)],
        plugins=[WholeCheckpoints()],
        default_root_dir=folder,
        num_sanity_val_steps=0,
        check_val_every_n_epoch=min(config.validate_every, config.epochs),
        reload_dataloaders_every_n_epochs=1,
        enable_progress_bar=devices.progress,
        enable_model_summary=False,
        deterministic=on_cuda(devices) and "warn",
        log_every_n_steps=50,
    )
    module.network.to(memory_format=memory_format(module.network))
    module.network.train()
    if kept is None or not stopped_early(kept):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning|torch.optim")
            try:
                trainer.fit(
                    module,
                    datamodule=_Epochs(source, validation, config, seed, devices.workers),
                    ckpt_path=str(checkpoint) if kept is not None else None,
                    weights_only=False,
                )
            except SystemExit as ended:
                if isinstance(ended.__context__, KeyboardInterrupt):  # Lightning ends the process by itself
                    raise KeyboardInterrupt from None
                # SIGTERM, on which Lightning ends the process as if all were done
                logger.warning("%s: terminated; run the same command again to continue", label)
                raise SystemExit(TERMINATED) from None
            finally:
                _finish(trainer.loggers)
    if trainer.interrupted:
        raise KeyboardInterrupt
    if config.early_stopping and (folder / BEST).exists():
        module.load_state_dict(read_checkpoint(folder / BEST)["state_dict"])
    elif kept is not None and kept["epoch"] + 1 >= config.epochs:
        module.load_state_dict(kept["state_dict"])  # nothing was left to train: its average is what was kept
    module.network.to("cpu").eval()


def _precision(devices: DeviceConfig) -> Any:
    if devices.precision != "auto":
        return devices.precision
    if on_cuda(devices):
        return "16-mixed"
    on_cpu = devices.accelerator == "cpu" or not torch.backends.mps.is_available()
    return "bf16-mixed" if on_cpu and cpu_has_bfloat16() else "32-true"


def on_cuda(devices: DeviceConfig) -> bool:
    """Whether a run with these settings uses an NVIDIA device."""
    return torch.cuda.is_available() and devices.accelerator in ("auto", "cuda")


def _finish(loggers: Iterable[Logger]) -> None:
    """End runs of W&B, which would otherwise take in whatever this process trains next."""
    for logger_ in loggers:
        if type(logger_).__name__ == "WandbLogger":
            logger_.experiment.finish()


def _loggers(devices: DeviceConfig, folder: Path) -> list[Logger]:
    loggers: list[Logger] = []
    for name in devices.loggers:
        if name == "tensorboard":
            loggers.append(TensorBoardLogger(folder, name="", version=FOLDER))
            continue
        try:
            if name == "mlflow":
                from lightning.pytorch.loggers import MLFlowLogger

                # MLflow refuses Lightning's default, a folder
                store = os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
                loggers.append(
                    MLFlowLogger(experiment_name="descale", run_name=folder.name, tracking_uri=store)
                )
            else:
                from lightning.pytorch.loggers import WandbLogger

                loggers.append(WandbLogger(project="descale", name=folder.name))
        except ModuleNotFoundError as error:
            raise ConfigError(f"Logger '{name}' needs its package: pip install {name} ({error}).") from error
    return loggers
