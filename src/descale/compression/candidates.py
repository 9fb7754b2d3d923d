"""What could be built within the limits: for every network and working size the widest that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from descale.compression.request import Limits
from descale.models.architectures import ARCHITECTURES

GRID = (0.0, 0.1, 0.2, 0.3, 0.35, 0.4, 0.45, *(step / 40 for step in range(20, 39)))
"""Sparsities that are considered, from the dense network to the narrowest: so fine that little of a limit is
left over."""
RESERVE = 0.05
"""Share of the milliseconds that candidates leave unused: a bundle is not timed twice alike."""
BESIDE = 4
"""Steps of the grid to what is tried beside the best, wider and narrower."""
WITHOUT_COSTS = (0.5, 0.75, 0.9)
"""Sparsities that are tried where only the loss is limited: the cheapest that keeps it wins."""
BYTES = 4.1
"""Bytes of a bundle by parameter in float32, with the graph around the weights; in 16 bits a half, of INT8 a
quarter."""


@dataclass(frozen=True)
class Costs:
    """What a network costs at a working size, known before it is trained.

    Attributes:
        ms: inference of one picture.
        macs: of one picture.
        params: parameters.
        removed: mean share of channels that is gone, where the widths follow the engine's times; ``None``
            where it is the candidate's sparsity.
    """

    ms: float
    macs: float
    params: int
    removed: float | None = None

    def megabytes(self, limits: Limits, *, int8: bool) -> float:
        """About what the bundle takes."""
        bytes_each = BYTES / 4 if int8 else BYTES / 2 if limits.half_weights else BYTES
        return self.params * bytes_each / 1e6

    def _compared(self, limits: Limits, *, int8: bool) -> list[tuple[float, float, str]]:
        """Each cost that is limited, with its limit and unit."""
        all_of_them = (
            (self.ms, limits.ms, "ms"), (self.macs, limits.macs, "MACs"),
            (self.megabytes(limits, int8=int8), limits.mb, "MB"),
        )  # fmt: skip
        return [(cost, limit, unit) for cost, limit, unit in all_of_them if limit is not None]

    def excess(self, limits: Limits, *, int8: bool) -> float:
        """The largest cost as a share of its limit; 0 where none is limited."""
        return max((cost / limit for cost, limit, _ in self._compared(limits, int8=int8)), default=0.0)

    def within(self, limits: Limits, *, int8: bool) -> bool:
        """Whether every limited cost is kept."""
        return not self.missed(limits, int8=int8)

    def missed(self, limits: Limits, *, int8: bool) -> tuple[str, ...]:
        """Which limits of costs are not kept, in words."""
        return tuple(
            f"{cost:.3g} {unit} instead of {limit:.3g}"
            for cost, limit, unit in self._compared(limits, int8=int8)
            if not cost <= limit
        )


@dataclass(frozen=True)
class Candidate:
    """A network that could be made.

    Attributes:
        architecture: of its dense parent.
        side: (height, width) in pixels at which it works.
        sparsity: mean share of channels removed; 0 is the dense network, on a smaller picture perhaps. Where
            milliseconds are limited, that of the recipe's own widths: others are chosen that take as long and
            lose less.
        costs: of it.
    """

    architecture: str
    side: tuple[int, int]
    sparsity: float
    costs: Costs

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.architecture}-{self.side[0]}x{self.side[1]}-{self.sparsity:g}"

    @property
    def title(self) -> str:
        """For people."""
        removed = self.sparsity if self.costs.removed is None else round(self.costs.removed, 2)
        width = "dense" if self.sparsity == 0 else f"{100 * removed:g} % removed"
        return f"{ARCHITECTURES[self.architecture].title} {self.side[0]}x{self.side[1]}, {width}"


Cost = Callable[[str, float, tuple[int, int]], Costs]
"""(architecture, sparsity, side) -> what it costs."""


@dataclass(frozen=True)
class Found:
    """What there is to choose from.

    Attributes:
        fitting: for every network and size the widest within the limits, the most MACs first.
        cheapest: of all that was looked at, the least of what is limited; for people who ask too much.
    """

    fitting: tuple[Candidate, ...]
    cheapest: Candidate


def find_candidates(
    architectures: Sequence[str],
    sides: Sequence[tuple[int, int]],
    limits: Limits,
    cost: Cost,
    *,
    int8: bool,
    reserve: float = 0.0,
) -> Found:
    """The widest network within the limits for every architecture and size.

    Costs fall with sparsity, so a few of :data:`GRID` are looked at, by bisection.

    Args:
        architectures: names.
        sides: working sizes.
        limits: of costs; where none of them is limited, three sparsities of every size are candidates.
        cost: what a network costs.
        int8: whether the weights will be INT8.
        reserve: share of the milliseconds that are left unused, where a network leaves any.
    """
    fitting: list[Candidate] = []
    narrowest: list[Candidate] = []
    for architecture in architectures:
        for side in sides:
            if not limits.costs:
                fitting += [
                    Candidate(architecture, side, sparsity, cost(architecture, sparsity, side))
                    for sparsity in WITHOUT_COSTS
                ]
                continue
            last = Candidate(architecture, side, GRID[-1], cost(architecture, GRID[-1], side))
            narrowest.append(last)
            for kept in (limits.with_reserve(reserve), limits):
                if last.costs.within(kept, int8=int8):
                    fitting.append(_widest(architecture, side, kept, cost, last, int8=int8))
                    break
    ordered = sorted(fitting, key=lambda one: -one.costs.macs)
    cheapest = min(
        narrowest or fitting,
        key=lambda one: (one.costs.excess(limits, int8=int8), one.costs.ms, one.costs.macs),
    )
    return Found(tuple(ordered), cheapest)


def narrower(chosen: Candidate, limits: Limits, cost: Cost, *, times: float, int8: bool) -> Candidate | None:
    """The widest network within the limits below one that takes longer than it should, if there is one.

    Args:
        chosen: of the same architecture and size.
        limits: of costs, of the milliseconds less :data:`RESERVE`.
        cost: what a network costs.
        times: how many times as long it takes as ``cost`` tells, which is expected of narrower ones too.
        int8: whether the weights will be INT8.
    """

    def expected(architecture: str, sparsity: float, side: tuple[int, int]) -> Costs:
        told = cost(architecture, sparsity, side)
        return replace(told, ms=times * told.ms)

    kept, place = limits.with_reserve(RESERVE), GRID.index(chosen.sparsity) + 1
    if place == len(GRID):
        return None
    least = expected(chosen.architecture, GRID[-1], chosen.side)
    last = Candidate(chosen.architecture, chosen.side, GRID[-1], least)
    if not least.within(kept, int8=int8):
        return None
    return _widest(chosen.architecture, chosen.side, kept, expected, last, int8=int8, first=place)


def neighbours(chosen: Candidate, cost: Cost) -> Iterator[Candidate]:
    """Some steps wider and narrower on :data:`GRID`, where it goes so far: what more and less give."""
    place = GRID.index(chosen.sparsity)
    for other in (place - BESIDE, place + BESIDE):
        if 0 <= other < len(GRID):
            sparsity = GRID[other]
            yield Candidate(
                chosen.architecture, chosen.side, sparsity, cost(chosen.architecture, sparsity, chosen.side)
            )


def _widest(
    architecture: str,
    side: tuple[int, int],
    limits: Limits,
    cost: Cost,
    last: Candidate,
    *,
    int8: bool,
    first: int = 0,
) -> Candidate:
    low, high, best = first, len(GRID) - 1, last
    while low < high:
        middle = (low + high) // 2
        one = Candidate(architecture, side, GRID[middle], cost(architecture, GRID[middle], side))
        if one.costs.within(limits, int8=int8):
            high, best = middle, one
        else:
            low = middle + 1
    return best
