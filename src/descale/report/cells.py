"""Cells: all seeds of one network, strategy and sparsity together, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean

from descale.report.looks import DENSE
from descale.report.rows import CellKey, Result

Z95 = 1.96


@dataclass(frozen=True)
class Span:
    """An estimate and its 95 % interval; without bounds where nothing tells them."""

    estimate: float
    low: float | None = None
    high: float | None = None

    @property
    def known(self) -> bool:
        return self.low is not None and self.high is not None


@dataclass(frozen=True)
class Cell(CellKey):
    """One configuration, averaged over its finished seeds.

    Attributes:
        iou: headline IoU.
        drop: IoU of the dense parent minus IoU; ``None`` for a dense model or an unknown parent.
        collapsed: reasons, one per collapsed seed.
    """

    results: tuple[Result, ...]
    iou: Span
    drop: Span | None
    collapsed: tuple[str, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted(result.seed for result in self.results))

    def mean(self, column: str) -> float | None:
        """Mean of a column over the seeds that have it."""
        return self._means.get(column)

    @cached_property
    def _means(self) -> dict[str, float]:
        values: dict[str, list[float]] = {}
        for result in self.results:
            for column, value in result.numbers.items():
                values.setdefault(column, []).append(value)
        return {column: sum(members) / len(members) for column, members in values.items()}

    def with_spans(self, iou: Span, drop: Span | None) -> Cell:
        """The same cell with better intervals."""
        return replace(self, iou=iou, drop=drop)


def make_cells(results: Iterable[Result]) -> list[Cell]:
    """Group finished results into cells, in order of appearance; failed ones are left out.

    Intervals come from the columns of each trial (``iou_corrosion_low`` and ``_high``, over images) and
    from the scatter of the seeds; see :func:`spread`.
    """
    groups: dict[CellKey, list[Result]] = {}
    for result in results:
        if result.finished:
            groups.setdefault(result.key, []).append(result)
    return [
        Cell(
            key.dataset,
            key.architecture,
            key.encoder,
            key.strategy,
            key.sparsity,
            results=tuple(members),
            iou=spread(members, "iou_corrosion"),
            drop=None
            if key.dense or not any("iou_drop" in member.numbers for member in members)
            else spread(members, "iou_drop"),
            collapsed=tuple(member.collapsed for member in members if member.collapsed),
        )
        for key, members in groups.items()
    ]


def spread(results: Sequence[Result], column: str) -> Span:
    """Mean over seeds with a 95 % interval from what the rows tell.

    The variance over images does not shrink with more seeds, since all seeds are scored on the same
    images; the variance between seeds does. The interval is the mean plus or minus 1.96 times the root
    of ``mean image variance + seed variance / seeds``, asymmetric where the images' interval is.
    Without ``<column>_low`` and ``_high`` the seeds alone give it; where they all agree, or there is one,
    there is none.
    """
    known = [result for result in results if column in result.numbers]
    values = [result.numbers[column] for result in known]
    estimate = fmean(values)
    below = [
        result.numbers[column] - result.numbers[f"{column}_low"]
        for result in known
        if f"{column}_low" in result.numbers
    ]
    above = [
        result.numbers[f"{column}_high"] - result.numbers[column]
        for result in known
        if f"{column}_high" in result.numbers
    ]
    if not below or not above:
        if _variance(values) == 0:
            return Span(estimate)
        below = above = [0.0]
    seeds = Z95**2 * _variance(values) / len(values)
    low = estimate - (fmean(b * b for b in below) + seeds) ** 0.5
    high = estimate + (fmean(a * a for a in above) + seeds) ** 0.5
    return Span(estimate, low, high)


def _variance(values: Sequence[float]) -> float:
    """Of a sample; 0 for a single value. (``statistics.variance`` is exact and a hundred times slower.)"""
    if len(values) < 2:
        return 0.0
    middle = fmean(values)
    return sum((value - middle) ** 2 for value in values) / (len(values) - 1)


def by_dataset(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    """Cells of each data set: scores on different data cannot be compared."""
    grouped: dict[str, list[Cell]] = {}
    for cell in cells:
        grouped.setdefault(cell.dataset, []).append(cell)
    return grouped


def named(cell: Cell, among: Iterable[Cell]) -> str:
    """A cell as sentences call it: with its encoder, if those it is told from have several.

    >>> small, large = (Cell("d", "unet", e, "dense", 0, (), Span(0.7), None, ()) for e in ("s", "l"))
    >>> named(small, [small]), named(small, [small, large])
    ('U-Net, dense', 'U-Net, dense (s)')
    """
    several = any(other.encoder != cell.encoder for other in among)
    return f"{cell.title} ({cell.encoder})" if several else cell.title


def find(cells: Iterable[Cell], like: Cell, strategy: str, sparsity: float | None = None) -> Cell | None:
    """The cell of the same data and network with another strategy, at the same or another sparsity."""
    wanted = like.sparsity if sparsity is None else sparsity
    for cell in cells:
        if (
            cell.dataset == like.dataset
            and cell.network == like.network
            and cell.strategy == strategy
            and (cell.sparsity == wanted or strategy == DENSE)
        ):
            return cell
    return None
