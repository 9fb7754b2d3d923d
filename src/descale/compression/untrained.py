"""Networks of one architecture at any sparsity, before training: what they would cost, known at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import mean

import numpy as np
from torch import nn

from descale.base.errors import PruningError
from descale.deploy.export.bundle import write_untrained
from descale.latency.model import LatencyModel, fit_latency
from descale.latency.table import LatencyTable, measure_table
from descale.latency.widths import choose_widths
from descale.models import ModelSpec, SavedModel, build_network, read_widths
from descale.pruning.allocation import Counts, allocate
from descale.pruning.budget import first_units
from descale.pruning.config import PruningConfig
from descale.pruning.cut import cut_channels
from descale.pruning.footprint import Footprint
from descale.pruning.graph import build_channel_graph
from descale.runtime.clock import INFERENCE, Pace, drawn_picture, phases_of, take_turns
from descale.runtime.segmenter import Segmenter

STRATEGY = "movement"
ALLOCATION = PruningConfig.model_validate({"strategy": STRATEGY, "sparsity": 0.5}).allocation
UNTRAINED = "untrained"
"""Stands for the strategy in the names of bundles that are only timed."""
PACE, PACE_AGAIN = Pace(seconds=0.8, rounds=7, most=60), Pace(seconds=4.0, rounds=15)
"""How networks are timed first, and those that will be trained: a machine has fast and slow moments."""


class Untrained:
    """A dense network with random weights, and what pruning to any sparsity would leave of it.

    Args:
        spec: architecture, encoder, classes.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.dense = build_network(spec).eval()
        self._graph = build_channel_graph(self.dense)
        self._times: tuple[LatencyModel, float] | None = None
        self.at = lru_cache(maxsize=4)(self._at)
        self._chosen = lru_cache(maxsize=None)(self._choose)

    def follow(self, times: LatencyTable) -> None:
        """From now on widths are chosen by the engine's times: those that lose the least of all that take as
        long as the recipe's own."""
        footprint = Footprint(self.dense, self._graph, times.size)
        self._times = fit_latency(times, footprint), times.dense_ms
        self.at.cache_clear()
        self._chosen.cache_clear()

    def timed(
        self, *, engine: str, threads: int, seconds: float, tell: Callable[[str], None]
    ) -> LatencyTable:
        """Time the layers at the size of the spec, see :func:`descale.latency.table.measure_table`."""
        return measure_table(
            self.dense, self.spec, self._graph, size=self.spec.input_size, engine=engine, threads=threads,
            seconds=seconds, tell=tell,
        )  # fmt: skip

    def share(self, sparsity: float) -> float | None:
        """Share of the dense network's time that the recipe's widths of that sparsity take; ``None`` where no
        times are followed."""
        return None if sparsity == 0 else self._chosen(sparsity)[1]

    def removed(self, network: nn.Module) -> float:
        """Mean share of channels that a network of :meth:`at` lacks."""
        dense, left = read_widths(self.dense), read_widths(network)
        return 1 - mean(
            left[layer]["out_channels"] / dense[layer]["out_channels"] for layer in self._graph.layers
        )

    def _at(self, sparsity: float) -> nn.Module:
        """The network with the widths of that sparsity; 0 is the dense one."""
        return self._cut(self.dense, sparsity)

    def _cut(self, network: nn.Module, sparsity: float) -> nn.Module:
        if sparsity == 0:
            return network
        counts, _ = self._chosen(sparsity)
        return cut_channels(network, self._graph, first_units(self._graph, counts))

    def _choose(self, sparsity: float) -> tuple[Counts, float | None]:
        """Widths, and the share of the dense network's time that they were chosen for."""
        plain = self._plain(sparsity)
        if self._times is None:
            return plain, None
        model, dense_ms = self._times
        budget = model.ms(plain)
        if budget >= dense_ms:  # as predicted; nothing to choose then
            return plain, None
        try:
            counts = choose_widths(model, self._graph, budget, allocation=ALLOCATION).counts
        except PruningError:  # next to nothing is left of it, and the narrowest of whole vectors is wider
            return plain, None
        return counts, budget / dense_ms

    def _plain(self, sparsity: float) -> Counts:
        return allocate(self._graph, sparsity, allocation=ALLOCATION)

    def saved(self, sparsity: float) -> SavedModel:
        """The same as a model that can be exported."""
        made_by = {"strategy": UNTRAINED, "sparsity": sparsity}
        return SavedModel(self.spec, self.at(sparsity), read_widths(self.dense), made_by)

    def with_weights(self, parent: SavedModel, sparsity: float) -> SavedModel:
        """The same, cut out of a trained dense network of this architecture.

        In INT8 the ranges of a network's numbers decide how it is computed.
        """
        made_by = {"strategy": UNTRAINED, "sparsity": sparsity}
        return SavedModel(parent.spec, self._cut(parent.network, sparsity), parent.dense_widths, made_by)


@dataclass(frozen=True)
class MeasuredMs:
    """Milliseconds of inference for one picture.

    Attributes:
        by_side: of each size, in the order of the sizes.
        restless: how many times longer the median turn took than the fastest, where that is most.
    """

    by_side: tuple[float, ...]
    restless: float


def measure_ms(
    model: SavedModel,
    sides: Sequence[tuple[int, int]],
    *,
    engine: str,
    target: str,
    threads: int,
    int8: bool,
    again: bool = False,
) -> MeasuredMs:
    """Time a network at several sizes, which take turns, in the engine that will run it.

    Timed with the clock of ``descale benchmark``. Of the turns the lower quartile counts: what else a machine
    does can only make some of them longer. Timed ``again``, it takes longer, and the median counts, as it
    does for the finished bundle.

    Args:
        model: trained or not, which does not matter for the time.
        sides: (height, width) in pixels.
        engine: name in :data:`descale.runtime.engines.ENGINES`.
        target: what to export to for it.
        threads: that it may use.
        int8: time it quantized.
        again: whether this is what a candidate stays or goes by.
    """
    with tempfile.TemporaryDirectory(prefix="descale-timing-") as scratch:
        folder = Path(scratch) / "bundle"
        write_untrained(model, folder, target, int8=int8)
        runs = [_inference(folder, side, engine, threads) for side in sides]
        turns = 1000 * take_turns(runs, PACE_AGAIN if again else PACE)
    low = np.quantile(turns, 0.5 if again else 0.25, axis=1)
    restless = np.median(turns, axis=1) / turns.min(axis=1)
    return MeasuredMs(tuple(map(float, low)), float(restless.max()))


def _inference(bundle: Path, side: tuple[int, int], engine: str, threads: int) -> Callable[[], float]:
    timed = phases_of(Segmenter.from_bundle(bundle, engine, threads=threads))
    picture = drawn_picture(*side)
    return lambda: timed(picture)[INFERENCE]
