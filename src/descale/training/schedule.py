"""The pruning schedule inside training steps: ranks channels, closes gates, never lets sparsity fall."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from descale.base.errors import PruningError
from descale.pruning.allocation import Counts
from descale.pruning.channels import ChannelGraph
from descale.pruning.gates import Gates
from descale.pruning.importance import Importance, Scores, by_group
from descale.pruning.strategies import Strategy

logger = logging.getLogger(__name__)

CountsAt = Callable[[float, Scores | None, Counts], Counts]


class PruningSchedule:
    """Drives the gates through one part of a schedule.

    Scores and masks stay on the network's device: a step waits for none of them, and their values are asked
    for at updates alone, where an importance is gathered anew for each.

    Args:
        network: the gated network.
        graph: its groups, those that an earlier part has cut included.
        gates: attached to it, scored.
        strategy: how sparsity grows.
        counts_at: progress 0..1, scores (of an importance that is not running) and the units that are open in
            each group -> units that stay.
        start, end: the part of the schedule this run covers, 0..1.
        updates: equally spaced mask updates over the whole schedule.
        importance: ranks the units.
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
        importance: Importance,
    ) -> None:
        self._network, self._graph, self._gates, self._strategy = network, graph, gates, strategy
        self._counts_at, self._start, self._end, self._updates = counts_at, start, end, updates
        self._importance = importance
        self.progress = strategy.progress(start, updates)
        there = graph.keep_all()
        self._counts = {group: int(mask.sum()) for group, mask in there.items()}
        self._there = torch.zeros(graph.total, dtype=torch.bool)
        for group, mask in there.items():
            self._there[graph.spans[group]] = torch.from_numpy(mask)
        self._open = self._there.clone()
        self._group = torch.repeat_interleave(torch.tensor([group.units for group in graph.groups]))
        starts = torch.tensor([graph.spans[group.index].start for group in graph.groups])
        self._place = torch.arange(graph.total) - starts[self._group]
        self._final: Counts | None = None
        self._steps, self._overflows = 1, torch.zeros((), dtype=torch.int64)

    @property
    def keep(self) -> dict[int, NDArray[np.bool_]]:
        """Units that are open in every group that may be cut.

        Raises:
            PruningError: the scores that chose them are not finite.
        """
        if self._importance.running:  # looking at every step would wait for the device
            self._finite_scores()
        return {group: mask.numpy() for group, mask in by_group(self._graph, self._open.cpu()).items()}

    def begin(self, total_steps: int, device: torch.device) -> None:
        self._steps = max(1, total_steps)
        for name in ("_there", "_open", "_group", "_place", "_overflows"):
            setattr(self, name, getattr(self, name).to(device))
        self._gates.to(device)
        self._gates.open(self._open)

    def after_backward(self, step: int, scale: float) -> None:
        gradient = self._gates.gradient()
        unscale = None if scale == 1.0 else self._unscale(gradient, scale)
        if unscale is not None:
            self._overflows += unscale == 0  # the optimizer skips this step too
            gradient = torch.where(unscale > 0, gradient * unscale, 0.0)
        progress = self._strategy.progress(self._time(step + 1), self._updates)
        alone = self._start == 0.0 and self._steps == 1  # else nothing would ever be scored
        if progress < 1.0 or alone or not self._importance.running:
            self._importance.update(self._network, gradient, unscale)

    def _unscale(self, gradient: Tensor, scale: float) -> Tensor:
        """In 16-bit training gradients are still scaled here, and overflow now and then: a factor, or 0."""
        of_weights = [p.grad for p in self._network.parameters() if p.grad is not None]
        finite = torch.stack([torch.isfinite(found).all() for found in (gradient, *of_weights)]).all()
        return torch.where(finite, 1.0 / scale, 0.0)

    def after_step(self, step: int) -> None:
        progress = self._strategy.progress(self._time(step + 1), self._updates)
        follows = self._importance.running and progress > 0 and self.progress < 1.0
        if progress > self.progress or follows:
            self.close(progress)

    def end(self) -> None:
        if overflows := int(self._overflows):
            logger.info("%d steps overflowed in 16 bits and were not scored", overflows)

    def close(self, progress: float) -> None:
        """Choose the units that stay at ``progress`` of the final sparsity, and set the gates.

        Raises:
            PruningError: scores are not finite.
        """
        running = self._importance.running
        # what is closed stays closed, however high it scores, so it must not count for how many stay
        open_scores = None if running else self._finite_scores().masked_fill(~self._open.cpu(), 0.0)
        known = None if open_scores is None else by_group(self._graph, open_scores)
        self.progress = max(progress, self.progress)
        counts = self._counts_at(self.progress, known, self._counts)
        # rounded to meet the mean on the way, a narrow group may be given less than it has at the end
        final = self._end_counts(known) if self.progress < 1.0 else counts
        self._counts = {
            group: min(before, max(counts[group], final[group])) for group, before in self._counts.items()
        }
        # running scores may change their mind until the end; others only choose among what is open
        self._open = self._highest(self._there if running else self._open)
        self._gates.open(self._open)
        if not running:
            self._importance.reset()
            logger.info("gates: sparsity %.3f of this network", self._graph.sparsity(self.keep))

    def _end_counts(self, known: Scores | None) -> Counts:
        """What the end of the schedule leaves, seen from here; without scores from where this part began."""
        if known is not None:
            return self._counts_at(1.0, known, self._counts)
        if self._final is None:
            self._final = self._counts_at(1.0, None, self._counts)
        return self._final

    def _highest(self, choice: Tensor) -> Tensor:
        """Of every group as many units as it keeps, those with the highest scores among ``choice``."""
        scores = self._importance.scores(self._network).to(choice.device).masked_fill(~choice, -torch.inf)
        order = torch.argsort(scores, descending=True, stable=True)
        order = order[torch.argsort(self._group[order], stable=True)]  # now group by group, as units lie
        counts = torch.tensor([self._counts.get(group.index, 0) for group in self._graph.groups])
        chosen = torch.zeros_like(choice)
        chosen[order] = self._place < counts.to(choice.device, non_blocking=True)[self._group]
        return chosen

    def _finite_scores(self) -> Tensor:
        """The scores on the CPU."""
        scores = self._importance.scores(self._network).cpu()
        if not bool(torch.isfinite(scores).all()):
            raise PruningError(
                "Scores of channels are not finite, so none is chosen. Prune anew in another folder, with "
                "--set precision=32-true or a lower schedule_rate."
            )
        return scores

    def _time(self, step: int) -> float:
        return self._start + (self._end - self._start) * min(1.0, step / self._steps)

    def state_dict(self) -> dict[str, Any]:
        return {
            "open": self._open,
            "counts": self._counts,
            "final": self._final,
            "progress": self.progress,
            "importance": self._importance.state(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._open, self._counts = state_dict["open"].to(self._there.device), state_dict["counts"]
        self._final = state_dict.get("final")
        self.progress = state_dict["progress"]
        self._importance.restore(state_dict["importance"])
