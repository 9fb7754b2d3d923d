"""The plan: what pruning would do to every group, shown without training anything."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from descale.base.errors import ConfigError
from descale.pruning.allocation import Counts, SparsityOver, allocate, mean_sparsity
from descale.pruning.budget import BudgetWidths, counts_for_budget
from descale.pruning.channels import ChannelGraph, ChannelGroup
from descale.pruning.config import check_sparsity
from descale.pruning.footprint import Footprint
from descale.pruning.graph import build_channel_graph

TOLERANCE = 0.01
"""Realised sparsity further than this from the one asked for is explained in the plan."""


@dataclass(frozen=True)
class GroupPlan:
    """One row of the plan.

    Attributes:
        group: number.
        layers: convolutions whose filters are cut together.
        readers: convolutions that read them.
        before, after: width in channels of the first of ``layers``.
        units, kept: smallest cuttable pieces, before and after.
        macs_share, params_share: of the dense network, 0..1, by ``layers``.
        reason: why the group is not cut, or why not to the width asked for; empty otherwise.
    """

    group: int
    layers: tuple[str, ...]
    readers: tuple[str, ...]
    before: int
    after: int
    units: int
    kept: int
    macs_share: float
    params_share: float
    reason: str


@dataclass(frozen=True)
class Plan:
    """What would be cut, and what it would leave.

    Attributes:
        counts: group -> units that stay.
        sparsity_asked: 0..1, or ``None`` for a budget.
        sparsity: realised mean fraction of channels removed over the prunable layers.
        channels_before, channels_after: of all prunable layers together. Where narrow layers keep more than
            wide ones, a larger share of all channels goes than ``sparsity`` says.
        note: why the realised sparsity or cost differs from the one asked for, or empty.
    """

    groups: tuple[GroupPlan, ...]
    counts: Counts
    sparsity_asked: float | None
    sparsity: float
    channels_before: int
    channels_after: int
    params_before: int
    params_after: int
    macs_before: int
    macs_after: int
    size: tuple[int, int]
    note: str

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``--format json``."""
        value = asdict(self)
        value["counts"] = {str(group): count for group, count in self.counts.items()}
        return value


def make_plan(
    network: nn.Module,
    *,
    size: tuple[int, int],
    sparsity: float | None = None,
    sparsity_over: SparsityOver = "layers",
    budget: tuple[str, float] | None = None,
    allocation: str = "uniform",
    round_to: int = 1,
    graph: ChannelGraph | None = None,
    widths: BudgetWidths | None = None,
) -> Plan:
    """Plan a pruning by sparsity or by budget.

    Args:
        network: dense network.
        size: (height, width) in pixels for MACs.
        sparsity: fraction of channels to remove, above 0 and below 1, or ``None``.
        sparsity_over: what it is a fraction of, see :class:`descale.pruning.PruningConfig`.
        budget: (``params`` | ``macs`` | ``latency``, share of the dense network), or ``None``; decides if
            both are given.
        allocation: name of :data:`descale.pruning.allocation.ALLOCATIONS`.
        round_to: multiple of channels.
        graph: groups of ``network``, if known.
        widths: that meet the budget, where it is one of latency: :func:`descale.latency.widths_for_latency`.

    Raises:
        ConfigError: neither a sparsity above 0 and below 1 nor a budget is given.
        PruningError: nothing can be pruned, or the budget is below the floor.
    """
    try:
        if sparsity is not None:
            check_sparsity(sparsity)
        elif budget is None:
            raise ValueError("give a sparsity or a budget")
    except ValueError as error:
        raise ConfigError(f"Nothing to plan: {error}.") from None
    graph = graph or build_channel_graph(network)
    missed = ""
    if budget is not None:
        widths = widths or counts_for_budget(
            network, graph, *budget, size=size, allocation=allocation, round_to=round_to
        )
        counts, missed = widths.counts, widths.note
    else:
        assert sparsity is not None
        mean = mean_sparsity(graph, sparsity, sparsity_over, allocation=allocation, round_to=round_to)
        counts = allocate(graph, mean, allocation=allocation, round_to=round_to)
    footprint = Footprint(network, graph, size)
    before, after = footprint.totals(footprint.full()), footprint.totals(counts)
    realised = footprint.sparsity(counts)
    before_all, after_all = footprint.channels(footprint.full()), footprint.channels(counts)
    asked_of = 1.0 - after_all / before_all if sparsity_over == "channels" else realised
    rows = tuple(_row(group, counts, footprint, before.macs, before.params) for group in graph.groups)
    return Plan(
        groups=rows,
        counts=counts,
        sparsity_asked=sparsity,
        sparsity=realised,
        channels_before=before_all,
        channels_after=after_all,
        params_before=before.params,
        params_after=after.params,
        macs_before=before.macs,
        macs_after=after.macs,
        size=size,
        note=f"{missed} {_sparsity_note(sparsity, asked_of, budget, graph, counts, sparsity_over)}".strip(),
    )


def _row(group: ChannelGroup, counts: Counts, footprint: Footprint, macs: int, params: int) -> GroupPlan:
    full = footprint.full()
    layers = [footprint.layer(name, full) for name in group.producers]
    first = group.producers[0] if group.producers else None
    kept = counts.get(group.index, group.units)
    reason = group.refusal or ""
    if not reason and kept == group.units:
        reason = "the widths asked for leave all of it"
    elif not reason and kept == 1 and group.units > 1:
        reason = "one unit stays, the least there can be"
    return GroupPlan(
        group=group.index,
        layers=group.producers,
        readers=group.consumers,
        before=footprint.layer(first, full).outputs if first else 0,
        after=footprint.layer(first, counts).outputs if first else 0,
        units=group.units,
        kept=kept,
        macs_share=sum(layer.macs for layer in layers) / macs,
        params_share=sum(layer.params for layer in layers) / params,
        reason=reason,
    )


def _sparsity_note(
    asked: float | None,
    realised: float,
    budget: tuple[str, float] | None,
    graph: ChannelGraph,
    counts: Counts,
    over: SparsityOver,
) -> str:
    if asked is None:
        return ""
    if budget is None:
        return explain_sparsity(asked, realised, graph, counts, over=over)
    if abs(asked - realised) <= TOLERANCE:
        return ""
    kind, share = budget
    return f"sparsity {realised:.3f} instead of {asked:.3f}: the budget {kind}={share:g} decides."


def explain_sparsity(
    asked: float, realised: float, graph: ChannelGraph, counts: Counts, *, over: SparsityOver = "layers"
) -> str:
    """Why widths do not allow a sparsity, and what they do; empty where they allow it within 0.01."""
    if abs(asked - realised) <= TOLERANCE:
        return ""
    single = [group for group in graph.prunable if counts[group.index] == 1]
    coarse = max(graph.prunable, key=lambda group: 1.0 / group.units)
    return (
        f"{'sparsity' if over == 'layers' else 'of all channels'} {realised:.3f} instead of {asked:.3f}: "
        f"widths allow no closer. {len(single)} groups keep "
        f"their last unit; the coarsest has {coarse.units} units ({coarse.producers[0]})."
    )
