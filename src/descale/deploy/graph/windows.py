"""Convolutions with few outputs at full resolution: four pixels at a time, by a stride of 2.

A head of 2 classes uses 2 lanes of a CPU's vectors. What the four pixels of a 2 x 2 block depend on lies
within one window that is one larger than the kernel, so a convolution with that window, stride 2 and four
times the outputs computes them at once, exactly, and ``DepthToSpace`` puts them in their places.
"""

from __future__ import annotations

import numpy as np

from descale.deploy.graph.editing import Array, Graph
from descale.deploy.graph.phases import VALUE_COST, convolve, find_region, is_plain_convolution, whole_vectors


def block_convolutions(graph: Graph) -> int:
    """Rewrite convolutions after the last upsampling where that lowers their estimated cost."""
    region = find_region(graph)  # after an upsampling the sides are even for certain
    if region is None:
        return 0
    applied = 0
    for node in region.nodes:
        if not is_plain_convolution(graph, node) or not _pays(graph.constants[node.input[1]]):
            continue
        weight = graph.constants[node.input[1]]
        graph.nodes = [other for other in graph.nodes if other is not node]
        value = convolve(graph, node, _block_weight(weight), node.input[0], stride=2)
        graph.add("DepthToSpace", [value], node.output[0], blocksize=2, mode="DCR")
        applied += 1
    return applied


def _pays(weight: Array) -> bool:
    outs, ins, height, width = weight.shape
    plain = 4 * height * width * ins * whole_vectors(outs)
    block = (height + 1) * (width + 1) * ins * whole_vectors(4 * outs)
    return block + 3 * VALUE_COST * 4 * outs < plain


def _block_weight(weight: Array) -> Array:
    """``(O, I, k, k)`` at stride 1 -> ``(4 O, I, k + 1, k + 1)`` at stride 2."""
    outs, ins, height, width = weight.shape
    block = np.zeros((2, 2, outs, ins, height + 1, width + 1), weight.dtype)
    for u, v in np.ndindex(2, 2):
        block[u, v, :, :, u : u + height, v : v + width] = weight
    return block.reshape(4 * outs, ins, height + 1, width + 1)
