"""A toy network under a pruning schedule, trained step by step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from tests.pruning.toy import Toy, loss_of, pictures

from descale.pruning import IMPORTANCES, STRATEGIES, Gates, allocate, build_channel_graph
from descale.pruning.importance import Scores, by_group
from descale.training.schedule import CountsAt, PruningSchedule

STEPS = 40
Kept = dict[int, NDArray[np.bool_]]


class FakeScaler:
    """Scales the loss by 1024, and in the first step by so much that gradients overflow."""

    def get_scale(self, step: int) -> float:
        return float("inf") if step == 0 else 1024.0


class Run:
    """A toy network under a schedule, trained by plain gradient descent."""

    def __init__(
        self,
        strategy: str,
        *,
        sparsity: float = 0.6,
        updates: int = 4,
        start: float = 0.0,
        end: float = 1.0,
        importance: str = "taylor-gate",
    ) -> None:
        chosen = STRATEGIES[strategy]
        self.network = Toy().train()
        self.graph = build_channel_graph(self.network)
        self.gates = Gates(self.network, self.graph, scored=True)
        self.planned = allocate(self.graph, sparsity)
        self.importance = IMPORTANCES[chosen.importance or importance](self.graph)
        self.schedule = PruningSchedule(
            self.network,
            self.graph,
            self.gates,
            chosen,
            self.counts_at(sparsity),
            start=start,
            end=end,
            updates=updates,
            importance=self.importance,
        )
        self.scaler: FakeScaler | None = None  # of 16-bit training
        self.step = 0
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.02)

    def counts_at(self, sparsity: float) -> CountsAt:
        return lambda progress, scores, open_units: allocate(
            self.graph, progress * sparsity, scores=scores, open_units=open_units
        )

    def steps(self, count: int = STEPS) -> Iterator[float]:
        """Train; yields the share of the schedule that is done."""
        self.schedule.begin(STEPS, torch.device("cpu"))
        for _ in range(count):
            self.optimizer.zero_grad()
            scale = self.scaler.get_scale(self.step) if self.scaler else 1.0
            (loss_of(self.network, pictures()) * scale).backward()
            self.schedule.after_backward(self.step, scale)
            if self.scaler is None:  # a scaler's step is not what is tested
                self.optimizer.step()
            self.schedule.after_step(self.step)
            self.step += 1
            yield self.step / STEPS

    def group(self, layer: str) -> int:
        """Number of the group of a layer's filters."""
        return next(group.index for group in self.graph.prunable if group.producers == (layer,))

    def kept(self) -> Kept:
        return {group: mask.copy() for group, mask in self.schedule.keep.items()}

    def scores(self) -> Scores:
        return by_group(self.graph, self.importance.scores(self.network).clone())


def same(first: Kept, second: Kept) -> bool:
    return all((first[group] == second[group]).all() for group in first)
