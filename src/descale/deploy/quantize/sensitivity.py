"""What quantizing each layer costs: how far the logits move when that layer alone is quantized."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from descale.deploy.export import onnx_target
from descale.deploy.graph.enlarging import ENLARGING
from descale.deploy.quantize import onnx_quantizer

PICTURES = 8


@dataclass(frozen=True)
class LayerCost:
    """One layer.

    Attributes:
        error: mean squared change of the logits, relative to their variance; 0 is none.
    """

    layer: str
    error: float


def layer_costs(model: onnx.ModelProto, pictures: NDArray[np.uint8]) -> tuple[LayerCost, ...]:
    """Costs of all convolutions of the network, the most sensitive first.

    Measured with ONNX Runtime whatever the target: what a layer suffers from 8 bits is a property of
    its weights and ranges more than of an engine.

    Args:
        model: in float32.
        pictures: uint8 (N, H, W, 3); a few are used.
    """
    shown = pictures[:: max(1, len(pictures) // PICTURES)][:PICTURES]
    with tempfile.TemporaryDirectory(prefix="descale-sensitivity-") as temporary:
        folder = Path(temporary)
        (source,) = onnx_target.write(model, folder)
        expected = onnx_target.load(folder, (source,))(shown)
        costs = []
        names = [name for name in onnx_quantizer.layers(folder / source) if not name.startswith(ENLARGING)]
        console = Console(stderr=True)
        for name in track(names, "sensitivity of the layers", transient=True, console=console):
            onnx_quantizer.quantize(
                folder / source, folder / "one.onnx", shown, keep_float=frozenset(), only=frozenset({name})
            )
            found = onnx_target.load(folder, ("one.onnx",))(shown)
            error = float(np.mean((found - expected) ** 2) / max(float(expected.var()), 1e-12))
            costs.append(LayerCost(name, error))
    return tuple(sorted(costs, key=lambda cost: -cost.error))
