"""What each rewrite of the exported graph gains, in each engine, on networks pruned to 90 %.

    python benchmarks/latency/rewrites.py --out benchmarks/latency/rewrites.csv

Weights are untrained: the time does not depend on them. Per network and engine the graph as exported
is measured beside the graph without one of its rewrites, in turn, round by round: milliseconds of the
processor, on one thread. The least of each counts, since what else runs on the machine can only add to it.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from descale.base.classes import BINARY
from descale.deploy.export.targets import TARGETS
from descale.deploy.graph import INPUT, OUTPUT, optimise, trace_network
from descale.deploy.graph.optimise import PASSES
from descale.models import ARCHITECTURES, build_network, make_spec
from descale.pruning import build_channel_graph, cut_channels, make_plan
from descale.pruning.budget import first_units
from descale.runtime.engines.onnxruntime import OnnxRuntimeEngine
from descale.runtime.engines.openvino import OpenVinoEngine

Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

OPEN: dict[str, Callable[[bytes], Run]] = {
    "onnx": lambda network: OnnxRuntimeEngine(network, INPUT, OUTPUT, 1).run,
    "openvino": lambda network: OpenVinoEngine(network, b"", OUTPUT, 1, 1).run,
}
"""By export target: how its engine runs a graph on one thread."""


def traced(
    architecture: str, encoder: str, sparsity: float, size: tuple[int, int], allocation: str
) -> onnx.ModelProto:
    """A pruned network as it is before all rewrites."""
    torch.manual_seed(0)
    spec = make_spec(architecture, encoder, classes=BINARY, input_size=size)
    network = build_network(spec).eval()
    graph = build_channel_graph(network)
    plan = make_plan(network, size=size, sparsity=sparsity, graph=graph, allocation=allocation)
    return trace_network(cut_channels(network, graph, first_units(graph, plan.counts)), spec)


def variants(model: onnx.ModelProto, target: str) -> dict[str, onnx.ModelProto]:
    """The graph as exported (empty name), without each rewrite that did something, and as traced."""
    avoid = TARGETS[target].avoid
    whole = optimise(model, avoid)
    found = {"": whole}
    for name in PASSES:
        if name not in avoid:
            without = optimise(model, avoid | {name})
            if without.SerializeToString() != whole.SerializeToString():
                found[name] = without
    return {**found, "all": model}


def least_ms(runs: dict[str, Run], picture: NDArray[np.uint8], rounds: int) -> dict[str, float]:
    """Least milliseconds of each, in another order in each round: what ran before leaves the caches."""
    least = dict.fromkeys(runs, float("inf"))
    order = np.random.default_rng(0)
    for number in range(rounds + 2):
        for name in order.permutation(list(runs)):
            run = runs[name]
            began = time.process_time()
            run(picture)
            if number >= 2:
                least[name] = min(least[name], 1000 * (time.process_time() - began))
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--architectures", nargs="+", default=list(ARCHITECTURES))
    parser.add_argument("--encoders", nargs="+", default=["tu-tf_efficientnet_lite0", "resnet18"])
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--allocation", default="uniform")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args()
    torch.set_num_threads(1)
    size = (given.side, given.side)
    picture = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
    with given.out.open("w", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["network", "encoder", "engine", "without", "ms", "ms_exported", "saved_percent"])
        for encoder in given.encoders:
            for architecture in given.architectures:
                model = traced(architecture, encoder, given.sparsity, size, given.allocation)
                for target, load in OPEN.items():
                    runs = {n: load(m.SerializeToString()) for n, m in variants(model, target).items()}
                    least = least_ms(runs, picture, given.rounds)
                    exported = least.pop("")
                    for name, ms in least.items():
                        saved = 100 * (1 - exported / ms)
                        row = [architecture, encoder, target, name, f"{ms:.3f}", f"{exported:.3f}"]
                        table.writerow([*row, f"{saved:.1f}"])
                        print(*row, f"{saved:.1f} %")
                    stream.flush()


if __name__ == "__main__":
    main()
