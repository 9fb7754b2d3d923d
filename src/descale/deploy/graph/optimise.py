"""The rewrites, in order. Each takes a graph, changes it in place and returns how often it applied."""

from __future__ import annotations

import logging
from collections.abc import Callable

import onnx

from descale.deploy.graph.editing import Graph
from descale.deploy.graph.enlarging import enlarge_by_convolution, enlarge_by_products
from descale.deploy.graph.lanes import pad_channels
from descale.deploy.graph.merging import head_before_sum
from descale.deploy.graph.phases import fold_last_upsampling

logger = logging.getLogger(__name__)

PASSES: dict[str, Callable[[Graph], int]] = {
    # U-Net, U-Net++, LinkNet, MA-Net: OpenVINO 22, 11, 29, 31 %, ONNX Runtime 12, 6, 1, 9 %; FPN has none
    "fold_last_upsampling": fold_last_upsampling,
    # Networks that end at half resolution, OpenVINO alone: U-Net 16 %, LinkNet 12 % (half.py)
    "enlarge_by_convolution": enlarge_by_convolution,
    # FPN, OpenVINO alone: 19 %; at the recipe's widths 9 % (512x512, on AVX-512)
    "enlarge_by_products": enlarge_by_products,
    # FPN: OpenVINO 3 %, ONNX Runtime 10 %; at the recipe's widths 30 and 17 % (the same)
    "head_before_sum": head_before_sum,
    # ONNX Runtime alone: U-Net 23 %, U-Net++ 17 %, FPN 35 %, LinkNet 33 %, MA-Net 28 %
    "pad_channels": pad_channels,
}
"""Beside each, the share of the time that it saves at 90 %, tu-tf_efficientnet_lite0, 256x256, one thread
(``benchmarks/latency/rewrites.py``). What saved less than a tenth everywhere was left away."""


def optimise(model: onnx.ModelProto, avoid: frozenset[str] = frozenset()) -> onnx.ModelProto:
    """Apply the rewrites of :data:`PASSES` but those in ``avoid``; the result is the same up to rounding."""
    graph = Graph(model)
    for name, rewrite in PASSES.items():
        if name in avoid:
            continue
        applied = rewrite(graph)
        graph.drop_dead()
        logger.debug("graph rewrite %s: applied %d times", name, applied)
    return graph.to_model()
