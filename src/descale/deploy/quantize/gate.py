"""Quantize, compare the corrosion IoU with float32, and keep sensitive layers in float if need be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import onnx
import torch

from descale.base.classes import IGNORED
from descale.base.errors import ConfigError, ExportError
from descale.deploy.quantize.pictures import QuantizationData
from descale.deploy.quantize.sensitivity import LayerCost, layer_costs
from descale.evaluation.confusion import confusion_matrix
from descale.evaluation.evaluate import Infer, decided
from descale.evaluation.metrics import METRICS
from descale.models import ModelSpec

logger = logging.getLogger(__name__)

SHOWN = 5
_ROUNDS = (0.03, 0.06, 0.12, 0.25, 0.5)  # shares of the layers that are kept in float, one after another

Quantize = Callable[[frozenset[str]], Infer]
"""Quantizes all but the named layers and returns a function that runs the result."""


@dataclass(frozen=True)
class GateSettings:
    """``tolerance``: by how much corrosion IoU may fall, 0..1; never by more than half of what it was."""

    tolerance: float = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < 1:
            raise ConfigError(
                f"Tolerance {self.tolerance} is outside 0..1; it is a difference of IoU, such as 0.01."
            )

    def remedy(self, float32: float, int8: float) -> str:
        """What else may be done about a loss that is too large."""
        if int8 < float32 / 2:
            return ": a loss of more than half is never taken"
        return ", or allow a larger loss (tolerance)"

    def passes(self, float32: float, int8: float) -> bool:
        """Whether INT8 loses little enough; half of a weak network's score is not little."""
        return float32 - int8 <= self.tolerance and int8 >= float32 / 2


@dataclass(frozen=True)
class Gate:
    """Outcome of the comparison on the validation split.

    Attributes:
        kept_float: layers that were not quantized.
        costs: the most sensitive layers, if their sensitivity was measured.
    """

    iou_float32: float
    iou_int8: float
    tolerance: float
    kept_float: tuple[str, ...]
    costs: tuple[LayerCost, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``bundle.json``."""
        return {
            "iou_float32": self.iou_float32,
            "iou_int8": self.iou_int8,
            "tolerance": self.tolerance,
            "kept_float": list(self.kept_float),
            "costs": [asdict(cost) for cost in self.costs[:SHOWN]],
        }

    def __str__(self) -> str:
        kept = f", {len(self.kept_float)} layers kept in float" if self.kept_float else ""
        return f"corrosion IoU {self.iou_float32:.4f} in float32, {self.iou_int8:.4f} in INT8{kept}"


def corrosion_iou(infer: Infer, data: QuantizationData, spec: ModelSpec) -> float:
    """The headline score of :mod:`descale.evaluation.metrics` on the validation photos, 0..1, decided as a
    bundle does.

    A class that is labelled nowhere is left out, and so are pixels that are marked to be ignored.
    """
    counts = np.zeros((len(spec.classes), len(spec.classes)), np.int64)
    for pictures, labels in data.batches():
        logits = torch.from_numpy(np.asarray(infer(pictures)))
        found = np.stack([decided(one, one.shape[-2:], spec) for one in logits])
        known = labels != IGNORED
        counts += confusion_matrix(labels[known], found[known], len(spec.classes))
    return float(METRICS["iou_corrosion"].compute(counts, spec.classes.corrosion_ids))


def quantize_until_good(
    target: str, model: onnx.ModelProto, float32: Infer, quantize: Quantize, data: QuantizationData,
    spec: ModelSpec, settings: GateSettings, known: tuple[LayerCost, ...] = (),
) -> Gate:  # fmt: skip
    """Quantize everything; while IoU falls too far, keep more of the most sensitive layers in float.

    Args:
        target: name, for messages.
        model: the float32 graph, to measure sensitivity on.
        float32: runs the float32 network in the same engine.
        quantize: makes the INT8 network.
        known: sensitivity measured before; empty if not yet.

    Raises:
        ExportError: half of the layers in float is not enough; names the most sensitive ones.
    """
    reference = corrosion_iou(float32, data, spec)
    found = corrosion_iou(quantize(frozenset()), data, spec)
    first = found
    logger.info("%s: corrosion IoU %.4f in float32, %.4f with all layers in INT8", target, reference, found)
    kept: tuple[str, ...] = ()
    costs = known
    if not settings.passes(reference, found):
        costs = costs or layer_costs(model, data.calibration)
        for share in _ROUNDS:
            kept = tuple(cost.layer for cost in costs[: max(1, round(share * len(costs)))])
            found = corrosion_iou(quantize(frozenset(kept)), data, spec)
            logger.info("%s: IoU %.4f with %d layers kept in float", target, found, len(kept))
            if settings.passes(reference, found):
                break
        else:
            worst = ", ".join(f"{cost.layer} ({cost.error:.3g})" for cost in costs[:SHOWN])
            raise ExportError(
                f"INT8 for {target}: corrosion IoU on the validation split falls from {reference:.4f} to "
                f"{first:.4f}, and to {found:.4f} with {len(kept)} layers kept in float; the tolerance is "
                f"{settings.tolerance:g}. Layers that cost most (relative error of the logits): {worst}. "
                f"Nothing was written. Export in float32{settings.remedy(reference, found)}."
            )
    return Gate(reference, found, settings.tolerance, kept, costs)
