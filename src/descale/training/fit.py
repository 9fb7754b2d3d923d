"""One run of Lightning's trainer in a folder: logs, a checkpoint after every epoch, exact continuation."""

from __future__ import annotations

import logging
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
    EMAWeightAveraging,
    ModelCheckpoint,
    RichProgressBar,
)
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from descale.data.loading import PixelArrays
from descale.errors import ConfigError, TrainingError
from descale.models import memory_format
from descale.training.batches import BatchSource, epoch_loader, validation_batches
from descale.training.bfloat import FloatDepthwiseGradients, cpu_has_bfloat16
from descale.training.config import DeviceConfig, TrainingConfig
from descale.training.module import SegmentationModule

logger = logging.getLogger(__name__)

CHECKPOINT = "last.ckpt"


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
    """
    devices = devices or DeviceConfig()
    if devices.threads:
        torch.set_num_threads(devices.threads)
    torch.set_flush_denormal(True)  # decaying weights turn denormal and slow a CPU tenfold
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    extra: list[Callback] = [_keep_last(folder), _EpochLog(label, seed)]
    best = _keep_best(folder) if config.early_stopping else None
    if config.early_stopping and best is not None:
        extra += [best, EarlyStopping("valid_iou", mode="max", patience=config.early_stopping)]
    if config.ema is not None:
        extra.append(EMAWeightAveraging(decay=config.ema))
    if devices.progress:
        extra.append(RichProgressBar(leave=False))
    trainer = lightning.Trainer(
        max_epochs=config.epochs,
        accelerator=devices.accelerator,
        devices=devices.devices if devices.devices != "auto" or devices.accelerator != "cpu" else 1,
        precision=_precision(devices),
        callbacks=[*extra, *callbacks],
        logger=_loggers(devices, folder),
        default_root_dir=folder,
        num_sanity_val_steps=0,
        check_val_every_n_epoch=min(config.validate_every, config.epochs),
        reload_dataloaders_every_n_epochs=1,
        enable_progress_bar=devices.progress,
        enable_model_summary=False,
        deterministic=on_cuda(devices) and "warn",
        log_every_n_steps=50,
    )
    checkpoint = folder / CHECKPOINT
    module.network.to(memory_format=memory_format(module.network))
    module.network.train()
    with warnings.catch_warnings(), FloatDepthwiseGradients():
        warnings.filterwarnings("ignore", module="lightning|torch.optim")
        trainer.fit(
            module,
            datamodule=_Epochs(source, validation, config, seed, devices.workers),
            ckpt_path=_checked(checkpoint) if checkpoint.exists() else None,
            weights_only=False,
        )
    if trainer.interrupted:
        raise KeyboardInterrupt
    if best is not None and best.best_model_path:
        kept = torch.load(best.best_model_path, map_location="cpu", weights_only=False)
        module.load_state_dict(kept["state_dict"])
    module.network.to("cpu").eval()


def _keep_last(folder: Path) -> ModelCheckpoint:
    return ModelCheckpoint(
        dirpath=folder, filename=CHECKPOINT.removesuffix(".ckpt"), save_top_k=1, enable_version_counter=False,
        save_on_train_epoch_end=True,
    )  # fmt: skip


def _keep_best(folder: Path) -> ModelCheckpoint:
    return ModelCheckpoint(
        dirpath=folder, filename="best", monitor="valid_iou", mode="max", enable_version_counter=False
    )


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


def _checked(checkpoint: Path) -> str:
    """A checkpoint is this run's own, in its own folder; it never travels between people."""
    try:
        torch.load(checkpoint, map_location="cpu", weights_only=False)
    except Exception as error:
        raise TrainingError(
            f"Checkpoint {checkpoint} is corrupt ({type(error).__name__}). Delete it to train this run anew."
        ) from error
    logger.info("continuing from %s", checkpoint)
    return str(checkpoint)


def _loggers(devices: DeviceConfig, folder: Path) -> list[Logger]:
    loggers: list[Logger] = [CSVLogger(folder, name="", version="log")]
    for name in devices.loggers:
        if name == "tensorboard":
            loggers.append(TensorBoardLogger(folder, name="", version="log"))
            continue
        try:
            if name == "mlflow":
                from lightning.pytorch.loggers import MLFlowLogger

                loggers.append(MLFlowLogger(experiment_name="descale", run_name=folder.name))
            else:
                from lightning.pytorch.loggers import WandbLogger

                loggers.append(WandbLogger(project="descale", name=folder.name, save_dir=folder))
        except ModuleNotFoundError as error:
            raise ConfigError(f"Logger '{name}' needs its package: pip install {name} ({error}).") from error
    return loggers
