"""A budget in latency turned into widths: measure, predict, choose, measure again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import nn

from descale.base.errors import ConfigError
from descale.base.machine import usable_cores
from descale.latency.layers import exported_graph, time_layers
from descale.latency.model import LatencyModel, fit_latency
from descale.latency.table import LatencyTable, measure_table, read_table, write_table
from descale.latency.widths import choose_widths
from descale.models import ModelSpec
from descale.pruning.allocation import Counts
from descale.pruning.budget import BudgetWidths, first_units
from descale.pruning.channels import ChannelGraph
from descale.pruning.cut import cut_channels
from descale.pruning.footprint import Footprint
from descale.runtime.engines import installed_engine

logger = logging.getLogger(__name__)

TOLERANCE = 0.05
"""A budget counts as met when the measured share is within this share of it."""
ROUNDS = 3
SECONDS = 6.0


def widths_for_latency(
    network: nn.Module,
    spec: ModelSpec,
    graph: ChannelGraph,
    share: float,
    *,
    size: tuple[int, int],
    allocation: str,
    engine: str = "auto",
    table: Path | None = None,
    keep: Path | None = None,
    tell: Callable[[str], None] = logger.info,
) -> BudgetWidths:
    """Widths whose network takes ``share`` of the dense one's time, and loses the least for it.

    Without a table this machine is timed, for about a minute, and so is the network that is chosen: where the
    prediction was off, it is put right and the choice repeated.

    Args:
        network: dense.
        spec: its architecture and normalisation.
        graph: its groups.
        share: of the dense network's milliseconds, 0..1.
        size: (height, width) of the picture in pixels.
        allocation: tells what the widths of groups are worth.
        engine: name in :data:`descale.stopwatch.node_clock.CLOCKS`, or ``auto`` for the first installed.
        table: made by ``descale benchmark --table``, perhaps elsewhere; engine and size are the table's then.
        keep: where to write what is measured here.
        tell: called with what is being done.

    Raises:
        ConfigError: the engine is unknown or not installed, or the table is of another network or engine.
        PruningError: the narrowest network takes longer.
    """
    known = read_table(table) if table is not None else None
    if known is not None and known.network != (own := f"{spec.architecture}/{spec.encoder}"):
        raise ConfigError(f"{table} is a table of {known.network}, not of {own}. Make one of this network.")
    if known is not None and engine not in ("auto", known.engine):
        raise ConfigError(f"{table} holds times of {known.engine}, not of {engine}. Leave engine out.")
    if known is not None:
        tell(
            f"times of {known.engine} with {known.threads} threads at {known.size[0]}x{known.size[1]} on "
            f"{known.device}"
        )
    if known is None:
        known = measure_table(
            network, spec, graph, size=size, engine=installed_engine(engine), threads=usable_cores(),
            tell=tell,
        )  # fmt: skip
        if keep is not None:
            write_table(keep, known)
    model = fit_latency(known, Footprint(network, graph, known.size))
    dense = known.dense_ms
    if table is not None:
        chosen = choose_widths(model, graph, share * dense, allocation=allocation)
        return _told(chosen.counts, chosen.ms / dense, share, "as predicted by the table")
    best: tuple[float, Counts] | None = None
    for _ in range(ROUNDS):
        chosen = choose_widths(model, graph, share * dense, allocation=allocation)
        measured = _measured_share(network, spec, graph, chosen.counts, known)
        tell(f"widths predicted to take {chosen.ms / dense:.3f} of the dense time take {measured:.3f}")
        if best is None or abs(measured - share) < abs(best[0] - share):
            best = (measured, chosen.counts)
        if abs(measured / share - 1) <= TOLERANCE:
            break
        model = _corrected(model, measured * dense / chosen.ms)
    assert best is not None
    return _told(best[1], best[0], share, "measured")


def _corrected(model: LatencyModel, factor: float) -> LatencyModel:
    return replace(model, scale=model.scale * factor)


def _told(counts: Counts, reached: float, share: float, how: str) -> BudgetWidths:
    if abs(reached / share - 1) <= TOLERANCE:
        return BudgetWidths(counts, "")
    note = (
        f"latency={reached:.4f} instead of {share:g}, {how}: widths come in whole vectors, and a busy "
        "machine measures badly."
    )
    logger.warning("%s", note)
    return BudgetWidths(counts, note)


def _measured_share(
    network: nn.Module, spec: ModelSpec, graph: ChannelGraph, counts: Counts, table: LatencyTable
) -> float:
    narrow = cut_channels(network, graph, first_units(graph, counts)).eval()
    graphs = [exported_graph(one, spec, table.engine) for one in (network, narrow)]
    dense, pruned = time_layers(
        graphs, table.size, engine=table.engine, threads=table.threads, seconds=SECONDS
    )
    return pruned.total / dense.total
