"""The pruning schedule inside training steps: ranks channels, closes gates, never lets sparsity fall."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from descale.base.errors import PruningError
from descale.pruning.allocation import Counts
from descale.pruning.channels import ChannelGraph
from descale.pruning.gates import Gates
from descale.pruning.importance import Importance, Scores
from descale.pruning.strategies import COOL_DOWN, Strategy

logger = logging.getLogger(__name__)

CountsAt = Callable[[float, Scores | None, Counts], Counts]

MOVEMENT_RATE = 1.0
"""Learning rate of movement scores. Only their order counts, so it only matters beside other terms."""


class MovementScores:
    """Structured movement scores: one per unit, plain accumulation (Sanh et al. 2020, eq. 3).

    ``S <- S - lr * dL/dg`` where ``g`` is the unit's gate at its present value, 0 or 1. The gate's gradient
    is the sum of gradient x weight over the slices that read the unit, so closed units are scored too
    (straight-through). Weights that move away from zero raise the score.
    """

    def __init__(self, units: Mapping[int, int]) -> None:
        self.values: Scores = {group: torch.zeros(count) for group, count in units.items()}

    def update(self, gate_gradients: Mapping[int, Tensor]) -> None:
        for group, gradient in gate_gradients.items():
            self.values[group] -= MOVEMENT_RATE * gradient


class PruningSchedule:
    """Drives the gates through one part of a schedule.

    Args:
        network: the gated network.
        graph: its groups.
        gates: attached to it, scored.
        strategy: how sparsity grows.
        counts_at: progress 0..1, scores and the units that are open in each group -> units that stay.
        start, end: the part of the schedule this run covers, 0..1.
        updates: equally spaced mask updates over the whole schedule.
        importance: ranks the units; ``None`` where movement scores do.
        movement: scores carried over from an earlier part.
        counts: units open at the start.
    """

    def __init__(
        self,
        network: nn.Module,
        graph: ChannelGraph,
        gates: Gates,
        strategy: Strategy,
        counts_at: CountsAt,
        *,
        start: float,
        end: float,
        updates: int,
        importance: Importance | None,
        movement: MovementScores | None,
    ) -> None:
        self._network, self._graph, self._gates, self._strategy = network, graph, gates, strategy
        self._counts_at, self._start, self._end, self._updates = counts_at, start, end, updates
        self._importance, self.movement = importance, movement
        self.keep: dict[int, NDArray[np.bool_]] = graph.keep_all()
        self.progress = strategy.progress(start, updates)
        self._steps, self._overflows = 1, 0

    def begin(self, total_steps: int, device: torch.device) -> None:
        self._steps = max(1, total_steps)
        self._gates.to(device)
        self._gates.set(self.keep)

    def after_backward(self, step: int, scale: float) -> None:
        gradients = self._gates.gradients()
        time = self._time(step + 1)
        if scale != 1.0:  # 16-bit training: gradients are still scaled here, and overflow now and then
            of_weights = [p.grad for p in self._network.parameters() if p.grad is not None]
            if not _finite([*gradients.values(), *of_weights]):
                self._overflows += 1  # the optimizer skips this step too
                return
            gradients = {group: gradient / scale for group, gradient in gradients.items()}
        if self.movement is not None:
            if time < 1.0 - COOL_DOWN:
                self.movement.update(gradients)
        elif self._importance is not None:
            self._importance.update(self._network, gradients, scale)

    def end(self) -> None:
        if self._overflows:
            logger.info("%d steps overflowed in 16 bits and were not scored", self._overflows)

    def after_step(self, step: int) -> None:
        time = self._time(step + 1)
        progress = self._strategy.progress(time, self._updates)
        frozen = self.movement is not None and time >= 1.0 - COOL_DOWN and progress <= self.progress
        if progress > self.progress or (self.movement is not None and progress > 0 and not frozen):
            self.close(progress)

    def close(self, progress: float) -> None:
        """Choose the units that stay at ``progress`` of the final sparsity, and set the gates."""
        scores = self.movement.values if self.movement is not None else None
        if scores is None:
            assert self._importance is not None
            scores = self._importance.scores(self._network)
        if not _finite(scores.values()):
            raise PruningError(
                "Scores of channels are not finite, so none can be chosen: train in --precision 32-true, or "
                "with a lower learning rate."
            )
        self.progress = max(progress, self.progress)
        before = {group.index: int(self.keep[group.index].sum()) for group in self._graph.prunable}
        counts = self._counts_at(self.progress, scores, before)
        # rounded to meet the mean on the way, a narrow group may be given less than it has at the end
        final = counts if self.progress >= 1.0 else self._counts_at(1.0, scores, before)
        for group in self._graph.prunable:
            was = self.keep[group.index]
            count = min(before[group.index], max(counts[group.index], final[group.index]))
            # movement may change its mind until cool-down; the others only choose among what is open
            candidates = scores[group.index].clone()
            if self.movement is None:
                candidates[torch.from_numpy(~was)] = -float("inf")
            chosen = torch.argsort(candidates, descending=True, stable=True)[:count].numpy()
            mask = np.zeros(group.units, dtype=bool)
            mask[chosen] = True
            self.keep[group.index] = mask
        self._gates.set(self.keep)
        if self._importance is not None:
            self._importance.reset()
        if self.movement is None:
            logger.info("gates: sparsity %.3f of this network", self._graph.sparsity(self.keep))

    def _time(self, step: int) -> float:
        return self._start + (self._end - self._start) * min(1.0, step / self._steps)

    def state_dict(self) -> dict[str, Any]:
        return {
            "keep": {group: torch.from_numpy(mask) for group, mask in self.keep.items()},
            "progress": self.progress,
            "movement": None if self.movement is None else self.movement.values,
            "importance": None if self._importance is None else self._importance.state(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.keep = {group: mask.numpy() for group, mask in state_dict["keep"].items()}
        self.progress = state_dict["progress"]
        if self.movement is not None:
            self.movement.values = state_dict["movement"]
        if self._importance is not None:
            self._importance.restore(state_dict["importance"])


def _finite(tensors: Iterable[Tensor]) -> bool:
    return all(bool(torch.isfinite(values).all()) for values in tensors)
