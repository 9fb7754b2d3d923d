"""Costs of networks before they are trained: counted, and timed here or on another device."""

from __future__ import annotations

import logging

from descale.base.classes import ClassTable
from descale.compression.candidates import Costs
from descale.compression.device_times import DeviceTimes
from descale.compression.journal import Journal
from descale.compression.request import Request
from descale.compression.untrained import Untrained, measure_ms
from descale.models import count_macs, count_parameters, make_spec

logger = logging.getLogger(__name__)


class KnownCosts:
    """What networks cost, measured once and kept in the journal.

    Args:
        request: engine, threads and sizes.
        classes: of the labels.
        journal: of the work.
        times: of another device; without them this machine is timed.
    """

    def __init__(
        self, request: Request, classes: ClassTable, journal: Journal, times: DeviceTimes | None
    ) -> None:
        self._request, self._classes, self._journal, self._times = request, classes, journal, times
        self._networks: dict[str, Untrained] = {}

    def __call__(self, architecture: str, sparsity: float, side: tuple[int, int]) -> Costs:
        """Costs of a network at a size."""
        name = f"costs {architecture} {sparsity:g}"
        by_side: dict[str, dict[str, float]] = self._journal.once(
            name, lambda: self._measured(architecture, sparsity)
        )
        found = by_side[f"{side[0]}x{side[1]}"]
        return Costs(found["ms"], found["macs"], int(found["params"]))

    def untrained(self, architecture: str) -> Untrained:
        """The architecture with random weights."""
        if architecture not in self._networks:
            spec = make_spec(
                architecture, self._request.encoder, classes=self._classes, input_size=self._request.side
            )
            self._networks[architecture] = Untrained(spec)
        return self._networks[architecture]

    def _measured(self, architecture: str, sparsity: float) -> dict[str, dict[str, float]]:
        """At all working sizes, since what takes long is to build and export the network."""
        request = self._request
        untrained = self.untrained(architecture)
        network, sides = untrained.at(sparsity), list(request.sides)
        if self._times is not None:
            times = [self._times.ms(architecture, request.encoder, sparsity, side) for side in sides]
        else:
            times = measure_ms(
                untrained.saved(sparsity), sides, engine=request.engine, target=request.target,
                threads=request.threads,
            )  # fmt: skip
        params = count_parameters(network)
        found = {
            f"{side[0]}x{side[1]}": {"ms": ms, "macs": float(count_macs(network, side)), "params": params}
            for side, ms in zip(sides, times, strict=True)
        }
        logger.debug("%s at %g: %s", architecture, sparsity, found)
        return found
