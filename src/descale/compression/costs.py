"""Costs of networks before they are trained: counted, and timed here or on another device."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from descale.base.classes import ClassTable
from descale.base.errors import ConfigError, ExportError
from descale.compression.candidates import Candidate, Costs
from descale.compression.device_times import DeviceTimes
from descale.compression.journal import Journal
from descale.compression.request import Request
from descale.compression.untrained import MeasuredMs, Untrained, measure_ms
from descale.latency.table import read_table, write_table
from descale.models import SavedModel, count_macs, count_parameters, make_spec
from descale.models.architectures import ARCHITECTURES

logger = logging.getLogger(__name__)

TIMING, TIMING_SHARE = 25.0, 0.02
"""Seconds that layers are timed for, and the share of a short time that they may take."""
RESTLESS = 1.4
"""Times of one network that differ by this factor are told: something else is running."""
PROBED, FASTER = 0.75, 0.9
"""Sparsity of the network that is timed in both precisions, and the share of float32's time that INT8 may
take at most to be what the widths are chosen for."""


def times_file(folder: Path, architecture: str) -> Path:
    """Where the times of an architecture's layers are kept."""
    return folder / f"latency-{architecture}.csv"


def share_of(architecture: str, sparsity: float) -> str:
    """Name of the decision how much of the dense network's time a candidate may take."""
    return f"share {architecture} {sparsity:g}"


class KnownCosts:
    """What networks cost, measured once and kept in the journal.

    Args:
        request: engine, threads and sizes.
        classes: of the labels.
        journal: of the work.
        folder: of the work.
        times: of another device; without them this machine is timed.
        tell: called with a line for people.
    """

    def __init__(
        self, request: Request, classes: ClassTable, journal: Journal, folder: Path,
        times: DeviceTimes | None, tell: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._request, self._classes, self._journal, self._times = request, classes, journal, times
        self._folder, self._tell = folder, tell
        self._networks: dict[str, Untrained] = {}

    def __call__(self, architecture: str, sparsity: float, side: tuple[int, int]) -> Costs:
        """Costs of a network at a size."""
        name = f"costs {architecture} {sparsity:g}"
        by_side: dict[str, dict[str, float]] = self._journal.once(
            name, lambda: self._measured(architecture, sparsity)
        )
        found = by_side[f"{side[0]}x{side[1]}"]
        return Costs(found["ms"], found["macs"], int(found["params"]), found.get("removed"))

    @property
    def int8(self) -> bool:
        """Whether what fits is judged in INT8: as was asked for, else where it is measured to be faster."""
        if self._request.int8 is not None or self._request.limits.ms is None or self._times is not None:
            return self._request.int8 is True
        return bool(self._journal.once("fitted in INT8", self._faster_in_int8))

    def _faster_in_int8(self) -> bool:
        architecture, side = (
            self._request.architectures[0],
            self._request.sides[len(self._request.sides) // 2],
        )
        model = self.untrained(architecture).saved(PROBED)
        try:
            float32, int8 = (self._timed(model, [side], int8=int8).by_side[0] for int8 in (False, True))
        except (ExportError, ConfigError, ModuleNotFoundError) as error:
            self._tell(f"What fits is judged in float32: INT8 is not to be had here ({error})")
            return False
        faster = int8 <= FASTER * float32
        self._tell(
            f"{ARCHITECTURES[architecture].title} at {side[0]}x{side[1]}, {100 * PROBED:g} % removed: "
            f"{float32:.1f} ms, in INT8 {int8:.1f}. What fits is judged in {'INT8' if faster else 'float32'}."
        )
        return faster

    def _timed(
        self, model: SavedModel, sides: Sequence[tuple[int, int]], *, int8: bool, again: bool = False
    ) -> MeasuredMs:
        request = self._request
        return measure_ms(
            model, sides, engine=request.engine, target=request.target, threads=request.threads, int8=int8,
            again=again,
        )  # fmt: skip

    def timed_again(self, candidate: Candidate, parent: SavedModel) -> Candidate:
        """A candidate with its milliseconds measured once more, now with its trained parent's weights.

        In INT8 weights decide how a network is computed, and a machine may have been disturbed, or have had a
        fast moment, the first time. The median counts, as for the finished bundle. Nothing is measured where
        milliseconds are not limited or another device's count.
        """
        if self._request.limits.ms is None or self._times is not None:
            return candidate

        def measured() -> float:
            model = self.untrained(candidate.architecture).with_weights(parent, candidate.sparsity)
            return self._timed(model, [candidate.side], int8=self.int8, again=True).by_side[0]

        ms = float(self._journal.once(f"timed again {candidate.name}", measured))
        return replace(candidate, costs=replace(candidate.costs, ms=ms))

    def untrained(self, architecture: str) -> Untrained:
        """The architecture with random weights."""
        if architecture not in self._networks:
            spec = make_spec(
                architecture, self._request.encoder, classes=self._classes, input_size=self._request.side
            )
            self._networks[architecture] = Untrained(spec)
            if self._request.limits.ms is not None and self._times is None:
                self._follow_times(architecture, self._networks[architecture])
        return self._networks[architecture]

    def _follow_times(self, architecture: str, untrained: Untrained) -> None:
        """Let widths be chosen by the engine's own times, which are measured once."""
        file = times_file(self._folder, architecture)
        if not file.is_file():
            self._tell(f"Timing the layers of {architecture} in {self._request.engine}, about a minute.")
            minutes = self._request.minutes
            seconds = TIMING if minutes is None else min(TIMING, TIMING_SHARE * 60 * minutes)
            times = untrained.timed(
                engine=self._request.engine, threads=self._request.threads, seconds=seconds, tell=logger.debug
            )
            write_table(file, times)
        untrained.follow(read_table(file))

    def _tell_times(
        self, untrained: Untrained, sparsity: float, sides: list[tuple[int, int]], measured: MeasuredMs
    ) -> None:
        each = ", ".join(
            f"{ms:.1f} ms at {side[0]}x{side[1]}" for side, ms in zip(sides, measured.by_side, strict=True)
        )
        title = ARCHITECTURES[untrained.spec.architecture].title
        removed = untrained.removed(untrained.at(sparsity))
        precision = ", in INT8" if self.int8 else ""
        self._tell(f"  {title}, {100 * removed:.0f} % removed{precision}: {each}")
        if measured.restless > RESTLESS:
            logger.warning(
                "Its times differ by up to %.1f times: something else is running. Times that are too long "
                "make the network smaller than it need be.", measured.restless,
            )  # fmt: skip

    def _measured(self, architecture: str, sparsity: float) -> dict[str, dict[str, float]]:
        """At all working sizes, since what takes long is to build and export the network."""
        request = self._request
        untrained = self.untrained(architecture)
        network, sides = untrained.at(sparsity), list(request.sides)
        if self._times is not None:
            times = [self._times.ms(architecture, request.encoder, sparsity, side) for side in sides]
        else:
            measured = self._timed(untrained.saved(sparsity), sides, int8=self.int8)
            times = list(measured.by_side)
            self._tell_times(untrained, sparsity, sides, measured)
        share = untrained.share(sparsity)
        if share is not None:
            self._journal.keep(share_of(architecture, sparsity), share)
        params = count_parameters(network)
        found = {
            f"{side[0]}x{side[1]}": {"ms": ms, "macs": float(count_macs(network, side)), "params": params}
            | ({} if share is None else {"removed": untrained.removed(network)})
            for side, ms in zip(sides, times, strict=True)
        }
        logger.debug("%s at %g: %s", architecture, sparsity, found)
        return found
