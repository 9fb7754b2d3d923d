"""Predict the milliseconds of a network at widths that were not measured.

A convolution's time is fitted as ``a + b * inputs * vectors + c * inputs + d * vectors
+ e * inputs * outputs`` with no negative coefficient, where ``vectors`` are its outputs rounded up to whole
vectors of the processor: start, products, reading, writing, and products where a vector with idle lanes takes
less. Depthwise ones have ``a + d * vectors``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from descale.latency.layers import layer_of
from descale.latency.table import REST, LatencyTable, by_layer
from descale.pruning.allocation import Counts
from descale.pruning.footprint import Footprint

Coefficients = NDArray[np.float64]
LEAST_MS = 0.02
"""Errors of layers that take less than this do not count as relative ones."""


@dataclass(frozen=True)
class LatencyModel:
    """Milliseconds as a function of how many units of each group stay.

    Attributes:
        footprint: widths of the layers.
        lanes: channels in a vector.
        layers: coefficients by layer.
        rest: (constant, share of all layers' time) of what belongs to no layer.
        scale: measured over predicted, of whole networks; 1 before any was measured.
    """

    footprint: Footprint
    lanes: int
    layers: dict[str, Coefficients]
    rest: tuple[float, float]
    scale: float = 1.0

    def layer_ms(self, layer: str, counts: Counts) -> float:
        """Milliseconds of one layer."""
        name = layer_of(layer)
        if not self.footprint.knows(name):
            return self.scale * float(self.layers[layer][0])
        widths, depthwise = self.footprint.layer(name, counts), self.footprint.is_depthwise(name)
        features = _features(widths.inputs, widths.outputs, depthwise, self.lanes)
        return self.scale * float(self.layers[layer] @ features)

    def ms(self, counts: Counts) -> float:
        """Milliseconds of the whole network."""
        constant, share = self.rest
        layers = sum(self.layer_ms(layer, counts) for layer in self.layers)
        return self.scale * constant + (1 + share) * layers


def fit_latency(table: LatencyTable, footprint: Footprint) -> LatencyModel:
    """Fit the model to measured networks, each layer by itself, relative errors counting alike.

    Args:
        table: of the network.
        footprint: of the dense network.
    """
    rows = by_layer(table)
    rest = {one.probe: one.ms for one in rows.pop(REST)}
    sums = dict.fromkeys(rest, 0.0)
    fitted = {}
    for layer, times in rows.items():
        features = np.array([_features(one.inputs, one.outputs, one.depthwise, table.lanes) for one in times])
        fitted[layer] = _non_negative(features, np.array([one.ms for one in times]))
        for one in times:
            sums[one.probe] += one.ms
    constant, share = _non_negative(
        np.array([[1.0, sums[probe]] for probe in rest]), np.array(list(rest.values()))
    )
    return LatencyModel(footprint, table.lanes, fitted, (float(constant), float(share)))


def _non_negative(rows: NDArray[np.float64], found: NDArray[np.float64]) -> Coefficients:
    weights = 1.0 / (found + LEAST_MS)
    weighted = rows * weights[:, None]
    size = np.maximum(np.abs(weighted).max(axis=0), 1e-30)
    best, least = np.zeros(rows.shape[1]), float("inf")
    for chosen in product((False, True), repeat=rows.shape[1]):  # at most 32, so all are tried
        mask = np.array(chosen)
        solution = np.linalg.lstsq((weighted / size)[:, mask], found * weights, rcond=None)[0]
        error = float(np.sum(((weighted / size)[:, mask] @ solution - found * weights) ** 2))
        if np.all(solution >= 0) and error < least - 1e-12:
            best, least = np.zeros(rows.shape[1]), error
            best[mask] = solution
    return best / size


def _features(inputs: int, outputs: int, depthwise: bool, lanes: int) -> NDArray[np.float64]:
    vectors = -(-outputs // lanes) * lanes
    if depthwise:
        return np.array([1.0, 0.0, 0.0, vectors, 0.0])
    return np.array([1.0, inputs * vectors, inputs, vectors, inputs * outputs])
