"""Small rewrites: constants folded into convolutions, roundabout operations said directly."""

from __future__ import annotations

import numpy as np

from descale.deploy.graph.editing import Graph, attribute


def fold_scale(graph: Graph) -> int:
    """Fold a per-channel factor before convolutions into their weights.

    ``Conv(x * s, W) = Conv(x, W * s)``: exact, zero padding included. A shift cannot be folded, since
    the padding would then stand for black instead of the mean colour.
    """
    applied = 0
    consumers = graph.consumers()
    for node in list(graph.nodes):
        scale = graph.constants.get(node.input[1]) if node.op_type == "Mul" else None
        readers = consumers.get(node.output[0], [])
        if scale is None or scale.size != max(scale.shape, default=1) or node.output[0] in graph.output_names:
            continue
        if scale.size > 1 and (scale.ndim < 3 or scale.shape[-3] != scale.size):
            continue
        dense = all(
            reader.op_type == "Conv"
            and reader.input[0] == node.output[0]
            and reader.input[1] in graph.constants
            and attribute(reader, "group", 1) == 1
            for reader in readers
        )
        if not readers or not dense:
            continue
        for reader in readers:
            weight = graph.constants[reader.input[1]]
            factor = np.broadcast_to(scale.reshape(-1), (weight.shape[1],)).reshape(1, -1, 1, 1)
            reader.input[1] = graph.constant(reader.input[1], (weight * factor).astype(weight.dtype))
        graph.redirect(node.output[0], node.input[0])
        applied += 1
    return applied


def add_instead_of_stacking(graph: Graph) -> int:
    """``ReduceSum(Concat(Unsqueeze(a), Unsqueeze(b), ...))`` -> ``a + b + ...``, without the copies."""
    applied = 0
    producers = graph.producers()
    for node in list(graph.nodes):
        stack = producers.get(node.input[0]) if node.op_type == "ReduceSum" else None
        if stack is None or stack.op_type != "Concat" or attribute(node, "keepdims", 1):
            continue
        parts = [producers.get(name) for name in stack.input]
        axes = graph.constants.get(node.input[1])
        if axes is None or axes.tolist() != [attribute(stack, "axis")]:
            continue
        terms = []
        for part in parts:
            if part is None or part.op_type != "Unsqueeze":
                break
            if graph.constants[part.input[1]].tolist() != axes.tolist():
                break
            terms.append(part.input[0])
        if len(terms) != len(parts):
            continue
        total = terms[0]
        for term in terms[1:]:
            total = graph.add("Add", [total, term])
        graph.redirect(node.output[0], total)
        applied += 1
    return applied


def pool_globally(graph: Graph) -> int:
    """A mean over height and width -> ``GlobalAveragePool``, which engines have a fast kernel for."""
    applied = 0
    for node in graph.nodes:
        if node.op_type != "ReduceMean" or len(node.input) < 2 or not attribute(node, "keepdims", 1):
            continue
        axes = graph.constants.get(node.input[1])
        if axes is None or sorted(int(a) % 4 for a in axes) != [2, 3]:
            continue
        node.op_type = "GlobalAveragePool"
        del node.attribute[:]
        del node.input[1:]
        applied += 1
    return applied
