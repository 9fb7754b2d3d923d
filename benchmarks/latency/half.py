"""What decoders that end at half resolution save, and what enlarging their logits costs.

    python benchmarks/latency/half.py --out benchmarks/latency/half.csv

Weights are untrained: the time does not depend on them. For each architecture the whole network and the one
that ends at half resolution, dense and pruned, run in one process, in another order each round; the dense
ones in every tenth round. The pruned one that ends at half resolution has other ends too: its logits are
enlarged by the engine's own bilinear resizing, by a convolution, by nearest neighbours, or not at all.
``share`` is the median over the rounds of its time over that of the whole network in the same round, which
other programs disturb less than milliseconds. A line on standard output is written before and after each
measurement, so that whoever runs it can let everything else wait meanwhile.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from descale.base.classes import BINARY, ClassTable, PixelClass
from descale.deploy.export.targets import TARGETS
from descale.deploy.graph import INPUT, OUTPUT, Graph, optimise, trace_network
from descale.deploy.graph.editing import set_attribute
from descale.deploy.graph.enlarging import enlarge_by_convolution
from descale.models import ARCHITECTURES, build_network, count_macs, make_spec
from descale.pruning import build_channel_graph, cut_channels, make_plan
from descale.pruning.budget import first_units
from descale.runtime.device import describe_device
from descale.runtime.engines.onnxruntime import OnnxRuntimeEngine
from descale.runtime.engines.openvino import OpenVinoEngine
from descale.stopwatch.report import write_csv

EXPORTED = "as exported"
Key = tuple[str, float, str]
"""Architecture, sparsity, how logits are enlarged."""
Traced = dict[tuple[str, float], tuple[onnx.ModelProto, int]]
"""By architecture and sparsity: the graph before all rewrites, multiply-accumulates."""
Networks = dict[Key, tuple[onnx.ModelProto, int]]
"""Optimised graph, multiply-accumulates."""
Times = dict[Key, dict[int, float]]
"""Milliseconds by round."""


def traced(names: list[str], classes: ClassTable, given: argparse.Namespace) -> Traced:
    """The architectures ``names``, dense and pruned."""
    found: Traced = {}
    size = (given.side, given.side)
    for name in names:
        torch.manual_seed(0)
        spec = make_spec(name, given.encoder, classes=classes, input_size=size)
        dense = build_network(spec)
        graph = build_channel_graph(dense)
        plan = make_plan(dense, size=size, sparsity=given.sparsity, allocation=given.allocation, graph=graph)
        pruned = cut_channels(dense, graph, first_units(graph, plan.counts))
        for sparsity, network in ((0.0, dense), (given.sparsity, pruned)):
            found[name, sparsity] = trace_network(network, spec, quick=True), count_macs(network, size)
    return found


def networks(found: Traced, target: str) -> Networks:
    """Everything that is compared in one engine: with all their ends."""
    avoid = TARGETS[target].avoid
    every: Networks = {}
    for (name, sparsity), (model, macs) in found.items():
        every[name, sparsity, EXPORTED] = optimise(model, avoid), macs
        if sparsity and ARCHITECTURES[name].half:
            plain = optimise(model, avoid | {"enlarge_by_convolution"})
            for end in ("bilinear", "convolution", "nearest", "not enlarged"):
                every[name, sparsity, end] = ended(plain, end), macs
    return every


def ended(model: onnx.ModelProto, end: str) -> onnx.ModelProto:
    """A network that ends with a bilinear ``Resize``, with another end instead."""
    graph = Graph(model)
    last = graph.producers()[OUTPUT]
    if end == "convolution":
        enlarge_by_convolution(graph, most_classes=1000)
    elif end == "nearest":
        for key, value in {
            "mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric",
        }.items():  # fmt: skip
            set_attribute(last, key, value)
    elif end == "not enlarged":
        graph.nodes = [node for node in graph.nodes if node is not last]
        graph.add("Identity", [last.input[0]], OUTPUT)
    return graph.to_model()


def opened(model: onnx.ModelProto, target: str, threads: int) -> OnnxRuntimeEngine | OpenVinoEngine:
    network = model.SerializeToString()
    if target == "onnx":
        return OnnxRuntimeEngine(network, INPUT, OUTPUT, threads)
    return OpenVinoEngine(network, b"", OUTPUT, threads, 1)


def times_of(found: Networks, target: str, given: argparse.Namespace) -> Times:
    """Milliseconds by round, without the first two, which warm up; dense networks are left out of most."""
    engines = {key: opened(model, target, given.threads) for key, (model, _) in found.items()}
    shape = (1, given.side, given.side, 3)
    picture: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    taken: Times = {key: {} for key in found}
    order = np.random.default_rng(0)
    keys = list(found)
    print("measuring", target, flush=True)
    for number in range(given.rounds + 2):
        for index in order.permutation(len(keys)):
            key = keys[index]
            if key[1] == 0.0 and number % 10 != 1:
                continue
            began = time.perf_counter()
            engines[key].run(picture)
            if number >= 2:
                taken[key][number] = 1000 * (time.perf_counter() - began)
    print("measured", target, flush=True)
    return taken


def share(taken: Times, key: Key) -> float:
    """Of the time that the whole network of the same sparsity takes."""
    whole = taken[key[0].removesuffix("-half"), key[1], EXPORTED]
    return statistics.median(ms / whole[number] for number, ms in taken[key].items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--encoder", default="tu-tf_efficientnet_lite0")
    parser.add_argument("--architectures", nargs="+", default=["unet", "unetplusplus", "linknet", "manet"])
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--allocation", default="bypass")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--classes", type=int, default=2)
    given = parser.parse_args()
    classes = BINARY
    if given.classes != 2:
        more = (PixelClass(f"class {i}", (0, 0, 0), corrosion=i > 0) for i in range(given.classes))
        classes = ClassTable(tuple(more))
    device = str(describe_device())
    lines = []
    for architecture in given.architectures:
        both = traced([architecture, f"{architecture}-half"], classes, given)
        for target in ("openvino", "onnx"):
            found = networks(both, target)
            taken = times_of(found, target, given)
            for key, rounds in taken.items():
                ms = list(rounds.values())
                lines.append(
                    {
                        "architecture": key[0],
                        "sparsity": key[1],
                        "engine": target,
                        "logits": key[2],
                        "ms_median": round(statistics.median(ms), 2),
                        "ms_least": round(min(ms), 2),
                        "share": round(share(taken, key), 3),
                        "macs": found[key][1],
                        "classes": given.classes,
                        "allocation": given.allocation,
                        "side": given.side,
                        "threads": given.threads,
                        "rounds": len(ms),
                        "device": device,
                    }
                )
                print(*list(lines[-1].values())[:8], flush=True)
            write_csv(given.out, lines)


if __name__ == "__main__":
    main()
