"""The search: which parents are trained, which candidates stay, and what a person is told meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from descale.compression.candidates import Candidate, narrower, neighbours
from descale.compression.costs import KnownCosts
from descale.compression.halving import Round
from descale.compression.result import Final, Tried, last_of_each, margins, offers
from descale.compression.stages import PARENT_EPOCHS, SIDE, Stages
from descale.compression.time_plan import LEAST_PARENT_EPOCHS, TimePlan
from descale.models import SavedModel

TRIES = 3
"""How often a candidate that is too slow with trained weights makes way for a narrower one."""


def _taking_part(planned: Sequence[Sequence[int]]) -> int:
    """How many candidates begin; the one that is recovered where there is no search."""
    return planned[0][0] if planned else 1


class Search:
    """Trains parents and candidates and remembers how each did.

    Args:
        stages: does the training.
        costs: of networks.
        candidates: within the limits, the most promising first.
        tell: called with a line for people.
    """

    def __init__(
        self, stages: Stages, costs: KnownCosts, candidates: Sequence[Candidate], tell: Callable[[str], None]
    ) -> None:
        self.stages, self._costs, self.candidates, self._tell = stages, costs, tuple(candidates), tell
        self._time = TimePlan(stages, costs)
        self.journal, self.request = stages.journal, stages.request
        self.architectures: tuple[str, ...] = ()
        self.parents: dict[str, SavedModel] = {}
        self.tried: list[Tried] = []

    @property
    def int8(self) -> bool:
        """Whether what fits the limits was judged in INT8."""
        return self._costs.int8

    def where(self, stage: str) -> str:
        """Stage, best so far, time left: how a line for people begins."""
        parts = [stage]
        pruned = [one for one in self.tried if one.stage not in ("parent", "beside")]
        if pruned:
            best = max(pruned, key=lambda one: one.score)
            parts.append(f"best so far {best.score:.3f} at {best.candidate.costs.ms:.1f} ms")
        left = self._time.minutes_left
        if left is not None:
            parts.append(f"{left:.0f} min left")
        return f"[{', '.join(parts)}]"

    # ---- plan ----------------------------------------------------------------------------------------

    def plan(self) -> None:
        """Decide how long parents train and which of them, and say what all will take."""
        self.journal.once(SIDE, self._side)
        self._drop_larger()
        names, side = self._trained, self.stages.side
        self.architectures = tuple(self.journal.once("parents", lambda: self._affordable(names)))
        self.candidates = tuple(
            one for one in self.candidates if self.request.trained_as(one.architecture) in self.architectures
        )
        parents, halves = self.architectures, self._halves_of(self.architectures)
        epochs = int(
            self.journal.once(PARENT_EPOCHS, lambda: self._time.parent_epochs(parents, halves, side))
        )
        dense = epochs * self._time.dense_epoch(parents, halves, side)
        listed = "\n".join(
            f"  {one.title}: {one.costs.ms:.1f} ms, {one.costs.macs / 1e6:.0f} MMACs, "
            f"{one.costs.megabytes(self.request.limits, int8=self.int8):.2f} MB"
            for one in self.candidates
        )
        widest = ", each the widest of its size" if self.request.limits.costs else ""
        self._tell(f"Candidates{' within the limits' if widest else ''}{widest}:\n{listed}")
        given = self.request.minutes
        if given is None:
            total = f"about {self._time.guess(dense, self.candidates) / 60:.0f} minutes in all"
        else:
            total = f"{given:g} minutes in all"
        self._tell(
            f"{epochs} epochs for {' and '.join(parents)} at {side[0]}x{side[1]}, about "
            f"{dense / 60:.0f} minutes; then the search and the recovery of the best: {total}. Stop it as "
            "you like: the same command goes on where it was."
        )
        if given is not None:
            for one in self.candidates:  # timed now as the parents' steps were, by what is found later
                self._time.run(one, 1)
        left_out = [name for name in names if name not in parents]
        if left_out:
            self._tell(f"No time for {', '.join(left_out)}: they get no parent.")
        if given is not None and epochs < LEAST_PARENT_EPOCHS:
            self._tell(
                f"{epochs} epochs are few for a dense network, {LEAST_PARENT_EPOCHS} the least that is good: "
                "expect a weak result, or give more --minutes."
            )

    @property
    def _trained(self) -> list[str]:
        """Architectures that candidates are made of, in the order in which they were asked for."""
        wanted = {self.request.trained_as(one.architecture) for one in self.candidates}
        return [name for name in self.request.architectures if name in wanted]

    def _halves_of(self, parents: Sequence[str]) -> tuple[str, ...]:
        """What ends at half resolution and is made of these parents, for candidates that there are."""
        named = dict.fromkeys(one.architecture for one in self.candidates)
        return tuple(
            name for name in named
            if name not in self.request.architectures and self.request.trained_as(name) in parents
        )  # fmt: skip

    def _side(self) -> tuple[int, int]:
        """The largest size at which there is time to train a parent, or the smallest of a candidate."""
        least = min(one.side for one in self.candidates)
        *larger, smallest = [side for side in self.request.sides if side >= least]
        first = self._trained[:1]
        halves = self._halves_of(first)
        return next((side for side in larger if self._time.enough(first, halves, side)), smallest)

    def _drop_larger(self) -> None:
        """Leave out candidates that work at a size that there is no time to train at."""
        side = self.stages.side
        larger = [one.title for one in self.candidates if one.side > side]
        if larger:
            self._tell(f"No time to train at more than {side[0]}x{side[1]}: without {', '.join(larger)}.")
            self.candidates = tuple(one for one in self.candidates if one.side <= side)

    def _affordable(self, names: list[str]) -> list[str]:
        """All of them, or the first alone where the time is short."""
        return names if self._time.enough(names, self._halves_of(names), self.stages.side) else names[:1]

    # ---- stages --------------------------------------------------------------------------------------

    def train_parents(self) -> None:
        """Train the dense networks and score them."""
        halves = self._halves_of(self.architectures)
        for name in (*self.architectures, *halves):
            if not self._in_time(name):
                continue
            self._tell(f"{self.where('1/4 dense')} training {name}")
            began = self.journal.once(f"began {name}", lambda: self.journal.seconds)
            model = self.stages.parent(name)
            self.journal.once(f"took {name}", partial(self._since, began))
            score = float(self.journal.once(f"score {name} dense", partial(self.stages.score, model)))
            self.parents[name] = model
            side = self.stages.side
            whole = Candidate(name, side, 0.0, self._costs(name, 0.0, side))
            epochs = self.stages.half_epochs if name in halves else self.stages.parent_epochs
            self.tried.append(Tried(whole, "parent", epochs, score))
            self._tell(f"{self.where('1/4 dense')} {whole.title}: {score:.3f}, {whole.costs.ms:.1f} ms")

    def _in_time(self, name: str) -> bool:
        """Whether a network gets its parent: a further one is left out where the first took too long."""
        trained_as = self.request.trained_as(name)
        if trained_as == self.architectures[0]:
            return True
        if not self.journal.once(f"time for {trained_as}", lambda: self._time.another_parent(trained_as)):
            if name == trained_as:
                self._tell(f"No time for {name} any more: it gets no parent.")
                self.architectures = tuple(one for one in self.architectures if one != name)
            self.candidates = tuple(
                one for one in self.candidates if self.request.trained_as(one.architecture) != trained_as
            )
            return False
        return True

    def _since(self, began: float) -> float:
        return self.journal.seconds - began

    @property
    def dense(self) -> SavedModel:
        """The best parent by validation."""
        return self.parents[self._best_parent.candidate.architecture]

    @property
    def _best_parent(self) -> Tried:
        return max((one for one in self.tried if one.stage == "parent"), key=lambda one: one.score)

    def rank(self) -> list[Candidate]:
        """Search among the candidates; the most promising first, without those that left early."""
        order = self._promising()
        planned = self.journal.once("rounds", lambda: self._planned(order))
        order = self._timed_again(order, _taking_part(planned), self._tell)
        self.candidates = tuple(order)
        if not planned and len(order) > 1:
            self._tell("No time for a search: the candidate of the best parent with the most MACs is taken.")
        for number, entry in enumerate(planned, start=1):
            this = Round(*entry)
            if number == 1 and this.candidates < len(order):
                dropped = ", ".join(one.title for one in order[this.candidates :])
                self._tell(f"No time for {dropped}.")
            taking, scores = order[: this.candidates], {}
            for place, one in enumerate(taking, start=1):
                self._tell(
                    f"{self.where('2/4 search')} round {number}, {place} of {len(taking)}: {one.title}, "
                    f"{this.epochs} epochs"
                )
                scores[one] = self._try(one, this.epochs, f"round {number}")
            order = sorted(taking, key=lambda one: -scores[one])
            if number == 1:
                self._look_beside(order[0], this.epochs)
            if not self.request.limits.costs:
                order = self._cheap_enough(order, scores)
        return order

    def _promising(self) -> list[Candidate]:
        """Networks of the better parent first, then the more MACs the better; working sizes take turns, so
        that a short search compares them.

        What ends at half resolution counts as the network it is made of: its new head is hardly trained yet.
        """
        score = {one.candidate.architecture: one.score for one in self.tried if one.stage == "parent"}
        best_first = sorted(
            self.candidates,
            key=lambda one: (-score[self.request.trained_as(one.architecture)], -one.costs.macs),
        )
        turn = {
            one: sum(other.side == one.side for other in best_first[:place])
            for place, one in enumerate(best_first)
        }
        return sorted(best_first, key=lambda one: turn[one])

    def _timed_again(
        self, order: list[Candidate], wanted: int, tell: Callable[[str], None]
    ) -> list[Candidate]:
        """The first ``wanted`` that keep the limits when timed again, then the others; all if none does.

        What misses them makes way for a narrower one, where one is expected to keep them.
        """
        kept: list[Candidate] = []
        for place, one in enumerate(order):
            if len(kept) == wanted:
                return kept + order[place:]
            fitting = self._fitting(one, tell)
            if fitting is not None:
                kept.append(fitting)
        return kept or order

    def _fitting(self, candidate: Candidate, tell: Callable[[str], None]) -> Candidate | None:
        """The candidate, or a narrower one of its kind, if it keeps the limits when timed again."""
        limits, one = self.request.limits, candidate
        for _ in range(TRIES):
            again = self._costs.timed_again(one, self.parents[one.architecture])
            if again.costs.within(limits, int8=self.int8):
                return again
            missed = ", ".join(again.costs.missed(limits, int8=self.int8))
            told = self._costs(one.architecture, one.sparsity, one.side).ms
            other = narrower(one, limits, self._costs, times=again.costs.ms / told, int8=self.int8)
            instead = "" if other is None else f"; {other.title} instead"
            tell(f"Without {one.title}: timed again with its parent's weights, {missed}{instead}.")
            if other is None:
                return None
            one = other
        return None

    def _planned(self, order: list[Candidate]) -> list[list[int]]:
        """Candidates and epochs of each round, planned for those that keep the limits when timed again."""
        while True:
            planned = [[one.candidates, one.epochs] for one in self._time.search_rounds(order)]
            wanted = _taking_part(planned)
            kept = self._timed_again(order, wanted, lambda _: None)
            if [one.name for one in kept[:wanted]] == [one.name for one in order[:wanted]]:
                return planned
            order = kept

    def _try(self, candidate: Candidate, epochs: int, stage: str) -> float:
        _, score = self.stages.candidate(candidate, epochs, short=True)
        self.tried.append(Tried(candidate, stage, epochs, score))
        return score

    def _look_beside(self, chosen: Candidate, epochs: int) -> None:
        """Train one wider and one narrower for as long, so that the price of a point is known."""
        beside = [one for one in neighbours(chosen, self._costs) if one.sparsity > 0]
        cost = sum(self._time.run(one, epochs) for one in beside)
        left = self._time.left
        wanted = self.journal.once("beside", lambda: left is None or cost <= 0.1 * left)
        if not wanted:
            self._tell("No time to look at wider and narrower networks beside it.")
            return
        for one in beside:
            one = self._costs.timed_again(one, self.parents[one.architecture])
            self._tell(f"{self.where('2/4 search')} beside the limits: {one.title}, {epochs} epochs")
            self._try(one, epochs, "beside")

    def _cheap_enough(self, order: list[Candidate], scores: Mapping[Candidate, float]) -> list[Candidate]:
        """Where only the loss is limited: the cheapest first, of those near the best of the round."""
        allowed = (self.request.limits.drop or 0.0) / 100
        best = max(scores.values())
        # however much may be lost: what finds less than half is on its way to finding nothing
        near = [one for one in order if best - scores[one] <= min(allowed, best / 2)]
        rest = [one for one in order if one not in near]
        return sorted(near, key=lambda one: one.costs.ms) + rest

    def recover(self, candidate: Candidate) -> Path:
        """Give a candidate all the time that is left; returns its model's folder.

        Where little is left, a longer run of the search is taken as it is.
        """
        anew = bool(self.journal.once(f"anew {candidate.name}", lambda: self._time.cut_anew(candidate)))
        epochs = int(
            self.journal.once(
                f"recovery {candidate.name}", lambda: self._time.recovery_epochs(candidate, anew=anew)
            )
        )
        runs = [one.epochs for one in self.tried if one.candidate == candidate and one.stage != "parent"]
        earlier = max(runs, default=0)
        if not anew:  # it is cut as that run was, and would only be shorter
            epochs = max(epochs, earlier)
        self._tell(f"{self.where('3/4 recovery')} {candidate.title}, {epochs} epochs")
        made, score = self.stages.candidate(candidate, epochs, short=not anew)
        if earlier:
            before, known = self.stages.candidate(candidate, earlier, short=True)
            if known > score:
                self._tell(f"{candidate.title}: its {earlier} epochs of the search were better, and stay")
                made, score, epochs = before, known, earlier
        self.tried.append(Tried(candidate, "final", epochs, score))
        return made

    def time_for_another(self) -> bool:
        """Whether the next candidate can be recovered too."""
        finals = sum(one.stage == "final" for one in self.tried)
        if finals >= 2:
            return False
        left = self._time.left
        enough = left is None or left > 0.15 * 60 * (self.request.minutes or 0.0)
        return bool(self.journal.once(f"another after {finals}", lambda: enough))

    # ---- what it says in the end ---------------------------------------------------------------------

    def offers(self, final: Final) -> list[str]:
        """The nearest to limits that cannot be met."""
        return offers(self.tried, final, self.request.limits, self._best_parent.score)

    def margins(self, chosen: Candidate) -> list[str]:
        """What a little more or less would cost."""
        return margins(self.tried, chosen)

    def table(self) -> list[Tried]:
        """Everything that was trained, as it was trained last, the best first."""
        return last_of_each(self.tried)
