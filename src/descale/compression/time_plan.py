"""How the time is divided: what is left of it, what trainings take, how many epochs fit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from descale.compression.candidates import Candidate
from descale.compression.costs import KnownCosts
from descale.compression.halving import Round, rounds
from descale.compression.stages import HALF_SHARE, Stages

DENSE_SHARE, SEARCH_SHARE = 0.4, 0.25
"""Shares of the time for the parents and for the search; the recovery gets the rest."""
MOST_DENSE_SHARE = 0.55
"""Of all the time, what must be over when the last parent is trained, or it is left out."""
LEAST_PARENT_EPOCHS, USUAL_PARENT_EPOCHS, MOST_PARENT_EPOCHS = 15, 60, 160
"""Epochs of a parent: below which it works at a smaller size and no second one is begun, by default, and at
most."""
RECOVERY_EPOCHS, MOST_RECOVERY_EPOCHS = 100, 400
CUTTING_SHARE = 0.15
"""Of the time that is left for the winner, what cutting it anew may take at most."""
EXPORT_SECONDS, EXPORT_SHARE = 90.0, 0.1
"""Kept back for scoring, export and timing: so many seconds, or so much of a short time."""


class TimePlan:
    """The time of a compression.

    Args:
        stages: what is trained, and how long a step of it takes.
        costs: networks to time steps of.
    """

    def __init__(self, stages: Stages, costs: KnownCosts) -> None:
        self._stages, self._costs = stages, costs
        self._journal, self._request = stages.journal, stages.request

    @property
    def left(self) -> float | None:
        """Seconds that are left, without those of the export; ``None`` where no time was given."""
        if self._request.minutes is None:
            return None
        return 60 * self._request.minutes - self._journal.seconds - self._kept_back

    @property
    def minutes_left(self) -> float | None:
        """The same in minutes and with the export, for people."""
        return None if self.left is None else max(0.0, self.left + self._kept_back) / 60

    @property
    def _kept_back(self) -> float:
        return min(EXPORT_SECONDS, EXPORT_SHARE * 60 * (self._request.minutes or 0.0))

    # ---- parents -------------------------------------------------------------------------------------

    def parent_epoch(self, architecture: str, side: tuple[int, int]) -> float:
        """Seconds of an epoch of a dense parent that works at that size."""
        return self._stages.parent_epoch_seconds(self._costs.untrained(architecture), side)

    def dense_epoch(self, parents: Sequence[str], halves: Sequence[str], side: tuple[int, int]) -> float:
        """Seconds of an epoch of every parent, with what those that end at half resolution take of it."""
        made_of = [self._request.trained_as(name) for name in halves]
        return sum(self.parent_epoch(name, side) for name in parents) + HALF_SHARE * sum(
            self.parent_epoch(name, side) for name in made_of
        )

    def enough(self, parents: Sequence[str], halves: Sequence[str], side: tuple[int, int]) -> bool:
        """Whether parents can be trained for as long as is the least that is good."""
        left = self.left
        seconds = self.dense_epoch(parents, halves, side)
        return left is None or DENSE_SHARE * left >= LEAST_PARENT_EPOCHS * seconds

    def parent_epochs(self, parents: Sequence[str], halves: Sequence[str], side: tuple[int, int]) -> int:
        """Epochs for every parent."""
        left = self.left
        if left is None:
            return USUAL_PARENT_EPOCHS
        epochs = math.floor(DENSE_SHARE * left / self.dense_epoch(parents, halves, side))
        return max(1, min(MOST_PARENT_EPOCHS, epochs))

    def another_parent(self, architecture: str) -> bool:
        """Whether a further parent leaves the rest enough, by what those took that are trained."""
        if self._request.minutes is None:
            return True
        epochs = self._stages.parent_epochs
        expected = self._slower * epochs * self.parent_epoch(architecture, self._stages.side)
        return self._journal.seconds + expected <= MOST_DENSE_SHARE * 60 * self._request.minutes

    # ---- candidates ----------------------------------------------------------------------------------

    def epoch(self, candidate: Candidate) -> float:
        """Seconds of an epoch of a candidate's recovery, by what the parents took where they are trained."""
        untrained = self._costs.untrained(candidate.architecture)
        return self._slower * self._stages.candidate_epoch_seconds(candidate, untrained)

    def cutting(self, candidate: Candidate, *, short: bool) -> float:
        """Seconds of cutting a candidate."""
        untrained = self._costs.untrained(candidate.architecture)
        return self._slower * self._stages.cutting_seconds(candidate, untrained, short=short)

    def run(self, candidate: Candidate, epochs: int) -> float:
        """Seconds of a short run from the beginning."""
        return self.cutting(candidate, short=True) + epochs * self.epoch(candidate)

    def rounds(self, order: Sequence[Candidate], seconds: float | None) -> tuple[Round, ...]:
        """Rounds of the search among candidates, the most promising first, in so many seconds."""
        once = [self.cutting(one, short=True) for one in order]
        return rounds([self.epoch(one) for one in order], seconds, once=once)

    def search_rounds(self, order: Sequence[Candidate]) -> tuple[Round, ...]:
        """The same in the time that the search gets of what is left after the parents."""
        left = self.left
        share = None if left is None else max(0.0, left) * SEARCH_SHARE / (1 - DENSE_SHARE)
        return self.rounds(order, share)

    def cut_anew(self, candidate: Candidate) -> bool:
        """Whether there is time to cut the winner as slowly as the recipe does."""
        left = self.left
        return left is None or self.cutting(candidate, short=False) <= CUTTING_SHARE * left

    def recovery_epochs(self, candidate: Candidate, *, anew: bool) -> int:
        """Epochs of recovery in all the time that is left."""
        left = self.left
        if left is None:
            return RECOVERY_EPOCHS
        if anew or not self._stages.is_cut(candidate):
            left -= self.cutting(candidate, short=not anew)
        epochs = math.floor(max(0.0, left) / self.epoch(candidate))
        return max(1, min(MOST_RECOVERY_EPOCHS, epochs))

    def guess(self, dense: float, candidates: Sequence[Candidate]) -> float:
        """Seconds of everything where no time was given, the parents taking ``dense`` seconds."""
        search = sum(self.cutting(one, short=True) for one in candidates) + sum(
            each.epochs * self.epoch(one)
            for each in self.rounds(candidates, None)
            for one in candidates[: each.candidates]
        )
        return (
            dense
            + search
            + max(self.cutting(one, short=False) + RECOVERY_EPOCHS * self.epoch(one) for one in candidates)
        )

    @property
    def _slower(self) -> float:
        """Time that the parents took, as a factor of what a step and their steps let expect: what else there
        is beside steps, and what else this machine does."""
        if not self._journal.has("parents"):
            return 1.0
        parents = [name for name in self._journal["parents"] if self._journal.has(f"took {name}")]
        if not parents:
            return 1.0
        took = sum(float(self._journal[f"took {name}"]) for name in parents)
        expected = sum(self.parent_epoch(name, self._stages.side) for name in parents)
        return max(1.0, took / (self._stages.parent_epochs * expected))
