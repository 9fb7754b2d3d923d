"""One training step: draw, augment, forward, backward, clip, optimizer, average; on CUDA one recorded graph.

A narrow network on a large GPU waits for Python between its small kernels. So where nothing has to look at
the step from outside, all of it is recorded once (:class:`torch.cuda.CUDAGraph`) and replayed. Nothing is
read back before the epoch ends.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from descale.models import ModelSpec, Normalisation, memory_format
from descale.training.batches import Epoch, TrainingPictures
from descale.training.bfloat import FloatDepthwiseGradients
from descale.training.config import TrainingConfig
from descale.training.losses import SummedLoss
from descale.training.optimizers import make_optimizer, rate_factor

logger = logging.getLogger(__name__)

WARM_UP = 3
"""Steps before a graph is recorded: libraries choose and set up their kernels in the first ones."""


_OF_DEVICE = ("lr", "capturable", "fused", "foreach")
"""What an optimizer's groups hold that depends on where they are stepped, not on what was learnt. The rate is
set anew in every step, but a recorded one reads it from a tensor."""


class StepHook(Protocol):
    """Something that watches and changes a training from inside, such as a pruning schedule."""

    def begin(self, total_steps: int, device: torch.device) -> None:
        """Before the first step of a run or of its continuation."""

    def after_backward(self, step: int, scale: float) -> None:
        """Gradients of step ``step``, from 0, are there, ``scale`` times too large."""

    def after_step(self, step: int) -> None:
        """The weights have been changed by step ``step``, from 0."""

    def end(self) -> None:
        """After the last step."""

    def state_dict(self) -> dict[str, Any]:
        """All that a continuation needs."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""


class TrainingStep:
    """Changes the weights of a network batch by batch.

    Args:
        network: normalised RGB ``(N, 3, H, W)`` -> logits ``(N, K, H, W)``, on ``device``.
        spec: normalisation and classes.
        config: loss, optimizer, schedule, average.
        pictures: what is shown.
        total_steps: length of the learning-rate schedule.
        device: where the network is.
        precision: of the forward pass: ``float32``, ``bfloat16``, or ``float16`` with scaled gradients.
        hook: looks at gradients and weights in every step.

    Attributes:
        average: the network with the moving average of the weights, or ``None``.
        steps: taken so far.
    """

    def __init__(
        self,
        network: nn.Module,
        spec: ModelSpec,
        config: TrainingConfig,
        pictures: TrainingPictures,
        *,
        total_steps: int,
        device: torch.device,
        precision: torch.dtype,
        hook: StepHook | None = None,
    ) -> None:
        self.network, self._config, self._pictures = network, config, pictures
        self._total_steps, self._device, self._precision, self._hook = total_steps, device, precision, hook
        self._format = memory_format(network)
        self._loss = SummedLoss(config.loss)
        self._normalise = Normalisation(spec, device)
        scaled = precision == torch.float16
        self._scaler = torch.amp.GradScaler(device.type, enabled=scaled)
        self.average = copy.deepcopy(network).requires_grad_(False) if config.ema is not None else None
        self._pairs = _pairs(self.average, network) if self.average is not None else None
        self._records = device.type == "cuda" and hook is None and not scaled
        self.optimizer = make_optimizer(
            network, config, fused=not (scaled and config.gradient_clip is not None), recorded=self._records
        )
        self._rates = [float(group["lr"]) for group in self.optimizer.param_groups]
        self._losses = torch.zeros((), device=device)
        self._kept = torch.zeros((), device=device)
        self._graph: _RecordedStep | None = None
        self.steps = 0

    def __call__(self, epoch: Epoch, index: int) -> None:
        """Take the step of batch ``index`` of an epoch."""
        numbers, draws = epoch.step(index)
        self._set_rates()
        if self._graph is not None:
            self._graph.replay(numbers, draws)
        else:
            images, masks = self._pictures.raw(numbers, self._device)
            self._body(*self._pictures.augmented(images, masks, draws))
        self.steps += 1

    def record(self, epoch: Epoch) -> None:
        """Record the step where that helps; weights and everything else stay as they are."""
        if self._records and self._graph is None:
            before = [tensor.clone() for tensor in self._tensors()]
            fresh = not self.optimizer.state
            numbers, draws = epoch.step(0)
            self._set_rates()
            self._graph = _RecordedStep(self._pictures, self._body, numbers, draws, self._device)
            with torch.no_grad():
                if fresh:  # the optimizer made its state in the first step; a new one begins with zeros
                    for tensor in self._of_optimizer():
                        tensor.zero_()
                for tensor, value in zip(self._tensors(with_optimizer=not fresh), before, strict=True):
                    tensor.copy_(value)

    @property
    def shown(self) -> nn.Module:
        """What the run would leave now: the averaged network, or the network itself."""
        return self.network if self.average is None else self.average

    @property
    def rate(self) -> float:
        """Learning rate of the last step, of the layers that learn fastest."""
        return max(self._rates) * rate_factor(self._config, max(0, self.steps - 1), self._total_steps)

    def mean_loss(self, steps: int) -> float:
        """Mean loss of the last ``steps`` steps; begins anew."""
        mean = float(self._losses) / max(1, steps)
        self._losses.zero_()
        return mean

    def autocast(self) -> AbstractContextManager[Any]:
        """The context in which the network computes in the precision that was asked for."""
        enabled = self._precision != torch.float32
        return torch.autocast(self._device.type, self._precision, enabled=enabled, cache_enabled=False)

    def normalised(self, image: Tensor) -> Tensor:
        """RGB 0..255 as the network takes it."""
        return self._normalise(image).contiguous(memory_format=self._format)

    def state_dict(self) -> dict[str, Any]:
        """All that a continuation needs; tensors are those of the run, not copies."""
        return {
            "network": self.network.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "hook": None if self._hook is None else self._hook.state_dict(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there; on another device or in another precision too."""
        self.network.load_state_dict(state["network"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        own = [
            {key: group[key] for key in _OF_DEVICE if key in group} for group in self.optimizer.param_groups
        ]
        self.optimizer.load_state_dict(state["optimizer"])
        for group, kept in zip(self.optimizer.param_groups, own, strict=True):
            group.update(kept)
        if self._scaler.is_enabled() and state["scaler"]:
            self._scaler.load_state_dict(state["scaler"])
        if self._hook is not None:
            self._hook.load_state_dict(state["hook"])
        self.steps = state["steps"]

    def _body(self, image: Tensor, mask: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        # around the forward pass alone: it slows every other call of torch
        depthwise = FloatDepthwiseGradients() if self._device.type == "cpu" else nullcontext()
        with self.autocast():
            with depthwise:
                logits = self.network(self.normalised(image))
            # in 16 bits the sums over all pixels, which dice and Tversky take, exceed the largest number
            loss = self._loss(logits.float(), mask.long())
        self._scaler.scale(loss).backward()
        if self._hook is not None:
            self._hook.after_backward(self.steps, self._scaler.get_scale())
        if self._config.gradient_clip is not None:
            self._scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.network.parameters(), self._config.gradient_clip)
        self._scaler.step(self.optimizer)
        self._scaler.update()
        self._losses += loss.detach().float()
        if self._pairs is not None:
            _move_average(self._pairs, self._kept)
        if self._hook is not None:
            self._hook.after_step(self.steps)

    def _set_rates(self) -> None:
        factor = rate_factor(self._config, self.steps, self._total_steps)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate * factor)
            else:
                group["lr"] = rate * factor
        if self._config.ema is not None:
            # with a fixed decay of 0.99 the first weights would still be two fifths of the average after 90
            # steps, which is a whole training on a dozen photos
            kept = min(self._config.ema, (1 + self.steps) / (10 + self.steps)) if self.steps else 0.0
            self._kept.fill_(kept)

    def _tensors(self, *, with_optimizer: bool = True) -> Iterator[Tensor]:
        yield from self.network.state_dict().values()
        if self.average is not None:
            yield from self.average.state_dict().values()
        yield self._losses
        if with_optimizer:
            yield from self._of_optimizer()

    def _of_optimizer(self) -> Iterator[Tensor]:
        for state in self.optimizer.state.values():
            yield from (value for value in state.values() if isinstance(value, Tensor))


class _RecordedStep:
    """A step as one CUDA graph, with its own place for what changes from batch to batch."""

    def __init__(
        self, pictures: TrainingPictures, body: Any, numbers: Tensor, draws: Any, device: torch.device
    ) -> None:
        self._pictures, self._device = pictures, device
        self._numbers = numbers.clone()
        self._raw = None if pictures.resident else pictures.raw(numbers, device)
        self._draws = copy.deepcopy(draws)

        def step() -> None:
            raw = self._raw or pictures.raw(self._numbers, device)
            body(*pictures.augmented(*raw, self._draws))

        aside = torch.cuda.Stream(device)
        aside.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                step()
        torch.cuda.current_stream(device).wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            step()

    def replay(self, numbers: Tensor, draws: Any) -> None:
        """Take the step with other pictures."""
        if self._raw is not None:
            for place, value in zip(self._raw, self._pictures.raw(numbers, self._device), strict=True):
                place.copy_(value, non_blocking=True)
        else:
            self._numbers.copy_(numbers, non_blocking=True)
        self._draws.copy_(draws)
        self._graph.replay()


Pairs = tuple[list[Tensor], list[Tensor], list[tuple[Tensor, Tensor]]]
"""Averages and weights of floats; (average, value) of everything else."""


def _pairs(average: nn.Module, network: nn.Module) -> Pairs:
    both = list(zip(average.state_dict().values(), network.state_dict().values(), strict=True))
    floats = [pair for pair in both if pair[0].is_floating_point()]
    others = [pair for pair in both if not pair[0].is_floating_point()]  # counters of batch norm
    return [pair[0] for pair in floats], [pair[1] for pair in floats], others


@torch.no_grad()
def _move_average(pairs: Pairs, kept: Tensor) -> None:
    """The average becomes ``kept`` of itself and the rest of the weights (all at once: they are many)."""
    averages, weights, others = pairs
    if kept.device.type == "cpu":
        torch._foreach_lerp_(averages, weights, 1.0 - float(kept))
    else:
        towards = torch._foreach_sub(weights, averages)
        torch._foreach_mul_(towards, 1.0 - kept)
        torch._foreach_add_(averages, towards)
    for average, value in others:
        average.copy_(value)
