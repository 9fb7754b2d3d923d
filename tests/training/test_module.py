"""One training step: what the loss is made of."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from tests.training.runs import SIZE, SPEC, config
from torch import Tensor, nn
from torch.optim import AdamW

from descale.base.errors import TrainingError
from descale.models import build_network
from descale.training.batches import Batch
from descale.training.module import SegmentationModule, distillation_loss


def test_distillation_by_hand() -> None:
    """Two classes, two pixels, temperature 2: mean over pixels of KL(teacher || student), times 4."""
    student = torch.tensor([[1.0, 0.0], [-1.0, 3.0]]).view(1, 2, 1, 2)
    teacher = torch.tensor([[2.0, 1.0], [0.0, -1.0]]).view(1, 2, 1, 2)
    divergence = 0.0
    for pixel in range(2):
        a, b = (float(logits[0, 0, 0, pixel] - logits[0, 1, 0, pixel]) / 2 for logits in (teacher, student))
        p, q = 1 / (1 + math.exp(-a)), 1 / (1 + math.exp(-b))
        divergence += p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    expected = 4 * divergence / 2
    assert float(distillation_loss(student, teacher, 2.0)) == pytest.approx(expected, rel=1e-5)


def test_distillation_from_oneself_costs_nothing_and_pulls_nowhere() -> None:
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = distillation_loss(logits, logits.detach() + 5.0, 3.0)  # a common offset changes no probability
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    assert float(logits.grad.abs().max()) < 1e-6


@pytest.mark.parametrize("temperature", [1.0, 4.0, 16.0])
def test_the_square_of_the_temperature_keeps_gradients_of_one_size(temperature: float) -> None:
    logits = torch.tensor([0.2, -0.1]).view(1, 2, 1, 1).requires_grad_()
    distillation_loss(logits, torch.tensor([0.5, -0.5]).view(1, 2, 1, 1), temperature).backward()
    assert logits.grad.flatten().tolist() == pytest.approx([-0.18, 0.18], abs=0.03)


@pytest.fixture(scope="module")
def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    return {
        "image": torch.randint(0, 256, (3, 3, *SIZE), generator=generator, dtype=torch.uint8),
        "mask": torch.randint(0, 2, (3, *SIZE), generator=generator, dtype=torch.uint8),
        "soft": torch.randn(3, 2, *SIZE, generator=generator).half(),
    }


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return build_network(SPEC)


def step(network: nn.Module, batch: Batch, share: float, penalty: float = 0.0) -> float:
    module = SegmentationModule(
        network,
        SPEC,
        config(loss="cross-entropy"),
        total_steps=1,
        distillation=share,
        temperature=2.0,
        penalty=(lambda: torch.tensor(penalty)) if penalty else None,
    ).eval()
    return module.training_step(batch, 0).item()


def test_labels_and_teacher_share_the_loss(network: nn.Module, batch: Batch) -> None:
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (SPEC.mean, SPEC.std))
    pixels = (batch["image"].float() / 255 - mean) / std
    with torch.no_grad():
        logits = network(pixels)
    labels = float(nn.CrossEntropyLoss()(logits, batch["mask"].long()))
    teacher = float(distillation_loss(logits, batch["soft"].float(), 2.0))
    assert step(network, batch, 0.0) == pytest.approx(labels, rel=1e-4)
    assert step(network, batch, 1.0) == pytest.approx(teacher, rel=1e-4)
    assert step(network, batch, 0.3) == pytest.approx(0.7 * labels + 0.3 * teacher, rel=1e-4)
    assert step(network, batch, 0.3, penalty=5.0) == pytest.approx(0.7 * labels + 0.3 * teacher + 5, rel=1e-4)


def test_without_a_teacher_the_labels_alone_count(network: nn.Module, batch: Batch) -> None:
    bare = {"image": batch["image"], "mask": batch["mask"]}
    assert step(network, bare, 0.3) == pytest.approx(step(network, bare, 0.0))


@pytest.mark.parametrize(
    ("precision", "clip", "fused"),
    [("bf16-mixed", 1.0, True), ("16-mixed", None, True), ("16-mixed", 1.0, False)],
)
def test_gradients_that_are_scaled_and_clipped_are_not_unscaled_by_the_optimizer(
    monkeypatch: pytest.MonkeyPatch, network: nn.Module, precision: str, clip: float | None, fused: bool
) -> None:
    monkeypatch.setattr(
        SegmentationModule, "trainer", SimpleNamespace(precision=precision, world_size=1), raising=False
    )
    module = SegmentationModule(network, SPEC, config(gradient_clip=clip), total_steps=1)
    optimizer = module.configure_optimizers()["optimizer"]
    assert isinstance(optimizer, AdamW)
    assert optimizer.defaults["fused"] is fused


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_an_error(network: nn.Module, batch: Batch, value: float) -> None:
    with pytest.raises(TrainingError, match=rf"The loss is {value} in epoch 1\. Lower learning_rate"):
        step(network, batch, 0.0, penalty=value)


class Answers(nn.Module):
    """Answers corrosion where the picture is bright."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        bright = x.mean(1, keepdim=True) * self.scale
        return torch.cat([-bright, bright], dim=1)


def test_validation_counts_over_the_whole_split_not_the_mean_of_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Batches of other sizes and shares of corrosion: IoU is of the summed confusion."""
    module = SegmentationModule(Answers(), SPEC, config(), total_steps=1)
    logged: dict[str, float] = {}
    monkeypatch.setattr(module, "log", lambda name, value, **_: logged.update({name: float(value)}))
    module.on_validation_epoch_start()
    for size, bright, corroded in ((1, 32, 16), (3, 8, 8)):  # columns that are bright, and that are corroded
        image = torch.zeros(size, 3, *SIZE, dtype=torch.uint8)
        image[..., :bright] = 255
        mask = torch.zeros(size, *SIZE, dtype=torch.uint8)
        mask[..., :corroded] = 1
        module.validation_step({"image": image, "mask": mask}, 0)
    module.on_validation_epoch_end()
    assert logged == {"valid_iou": pytest.approx((16 + 3 * 8) / (32 + 3 * 8))}
