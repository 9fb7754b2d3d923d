"""The Lightning module: one training step, one validation step, nothing about pruning."""

from __future__ import annotations

from collections.abc import Callable

import lightning
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from descale.base.errors import TrainingError
from descale.models import ModelSpec, memory_format, predict_classes
from descale.training.batches import Batch
from descale.training.bfloat import FloatDepthwiseGradients
from descale.training.config import TrainingConfig
from descale.training.losses import SummedLoss
from descale.training.optimizers import make_optimizer, make_schedule


class SegmentationModule(lightning.LightningModule):
    """Trains a network on labels and, where the batch carries them, on a teacher's logits.

    Args:
        network: normalised RGB -> logits.
        spec: normalisation, classes, threshold.
        config: loss, optimizer, schedule.
        total_steps: length of the learning-rate schedule.
        distillation: weight of the teacher against the labels, 0..1.
        temperature: softens teacher and student alike (Hinton et al. 2015, arXiv 1503.02531).
        penalty: extra term of the loss, or ``None``.
    """

    def __init__(
        self,
        network: nn.Module,
        spec: ModelSpec,
        config: TrainingConfig,
        *,
        total_steps: int,
        distillation: float = 0.0,
        temperature: float = 1.0,
        penalty: Callable[[], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self._format = memory_format(network)
        self._spec = spec
        self._config = config
        self._total_steps = total_steps
        self._distillation = distillation
        self._temperature = temperature
        self._penalty = penalty
        self.loss = SummedLoss(config.loss)
        mean, std = torch.tensor(spec.mean), torch.tensor(spec.std)
        self.register_buffer("mean", mean.view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", std.view(1, 3, 1, 1) * 255, persistent=False)
        # not a buffer: weight averaging swaps buffers before the validation's score is read
        self._confusion = torch.zeros(len(spec.classes), len(spec.classes), dtype=torch.int64)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of uint8 RGB ``(N, 3, H, W)``."""
        pixels = (image.float() - self.mean) / self.std
        return self.network(pixels.contiguous(memory_format=self._format))

    def training_step(self, batch: Batch, _step: int) -> Tensor:
        with FloatDepthwiseGradients():  # around the forward pass alone: it slows every other call of torch
            logits = self(batch["image"])
        loss = self.loss(logits, batch["mask"].long())
        if self._distillation and "soft" in batch:
            teacher = distillation_loss(logits, batch["soft"].float(), self._temperature)
            loss = (1.0 - self._distillation) * loss + self._distillation * teacher
        if self._penalty is not None:
            loss = loss + self._penalty()
        if not torch.isfinite(loss):
            raise TrainingError(
                f"The loss is {loss.item()} in epoch {self.current_epoch + 1}. "
                f"Lower learning_rate (now {self._config.learning_rate:g}) or check the labels."
            )
        self.log("loss", loss.detach(), on_step=False, on_epoch=True, batch_size=len(logits))
        return loss

    def on_validation_epoch_start(self) -> None:
        self._confusion = torch.zeros_like(self._confusion, device=self.device)

    def validation_step(self, batch: Batch, _step: int) -> None:
        predicted = predict_classes(self(batch["image"]), self._spec.threshold).long()
        classes = len(self._spec.classes)
        pairs = batch["mask"].long() * classes + predicted
        self._confusion += torch.bincount(pairs.flatten(), minlength=classes**2).view(classes, classes)

    def on_validation_epoch_end(self) -> None:
        counts = self._confusion
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(counts)
        corrosion = list(self._spec.classes.corrosion_ids)
        hits = counts.diagonal()[corrosion].float()
        union = counts.sum(0)[corrosion] + counts.sum(1)[corrosion] - counts.diagonal()[corrosion]
        self.log("valid_iou", (hits / union.clamp(min=1)).mean())

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip here: Lightning refuses to with a fused optimizer, whether or not gradients are scaled."""
        if self._config.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self._config.gradient_clip)

    def configure_optimizers(self) -> dict[str, object]:
        scaled = self._config.gradient_clip is not None and self.trainer.precision == "16-mixed"
        optimizer = make_optimizer(self.network, self._config, fused=not scaled)
        # several devices share the batches of an epoch, so each takes fewer steps
        steps = max(1, self._total_steps // self.trainer.world_size)
        schedule = make_schedule(optimizer, self._config, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def distillation_loss(logits: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Mean over pixels of KL(teacher || student) at ``temperature``, times its square.

    Args:
        logits, teacher: ``(N, K, H, W)``.
        temperature: above 0.
    """
    student = functional.log_softmax(logits / temperature, dim=1)
    target = functional.log_softmax(teacher / temperature, dim=1)
    divergence = functional.kl_div(student, target, reduction="none", log_target=True).sum(dim=1)
    return divergence.mean() * temperature**2
