"""Widths chosen by milliseconds beside the recipe's own that take as long: what is predicted, measured, kept.

    python benchmarks/latency/widths.py --out benchmarks/latency/widths.csv

Weights are untrained: the time does not depend on them. Per network and engine the layers are timed at
several widths; widths are then chosen for shares of the dense network's time, and for each the recipe's
allocation is taken to the sparsity that is predicted to take as long. All of them are timed in turn.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import torch

from descale.base.classes import BINARY
from descale.base.errors import PruningError
from descale.latency.layers import exported_graph, time_layers
from descale.latency.model import fit_latency
from descale.latency.table import measure_table
from descale.latency.widths import choose_widths, plain_widths
from descale.models import ARCHITECTURES, build_network, make_spec
from descale.pruning import build_channel_graph, cut_channels
from descale.pruning.allocation import Counts
from descale.pruning.budget import first_units
from descale.pruning.footprint import Footprint
from descale.runtime.device import describe_device

SHARES = (0.3, 0.15, 0.1, 0.07)
ALLOCATION = "bypass"
SECONDS = 20.0
COLUMNS = (
    "network", "encoder", "engine", "threads", "side", "lanes", "widths", "share", "predicted_ms",
    "measured_ms", "dense_ms", "sparsity", "params", "macs", "device",
)  # fmt: skip


def measured(architecture: str, encoder: str, engine: str, threads: int, side: int) -> list[list[object]]:
    """The rows of one network in one engine."""
    spec = make_spec(architecture, encoder, classes=BINARY, input_size=(side, side))
    network = build_network(spec).eval()
    graph = build_channel_graph(network)
    table = measure_table(network, spec, graph, size=(side, side), engine=engine, threads=threads, tell=print)
    footprint = Footprint(network, graph, (side, side))
    model = fit_latency(table, footprint)
    cases: list[tuple[str, float, Counts]] = [("dense", 1.0, footprint.full())]
    for share in SHARES:
        try:
            chosen = choose_widths(model, graph, share * table.dense_ms, allocation=ALLOCATION)
        except PruningError as error:
            print(error)
            continue
        cases.append(("by milliseconds", share, chosen.counts))
        cases.append(("by sparsity", share, plain_widths(model, graph, chosen.ms, allocation=ALLOCATION)))
    narrow = [cut_channels(network, graph, first_units(graph, counts)).eval() for _, _, counts in cases]
    graphs = [exported_graph(one, spec, engine) for one in narrow]
    timed = time_layers(graphs, (side, side), engine=engine, threads=threads, seconds=SECONDS)
    return [
        [
            architecture, encoder, engine, threads, side, table.lanes, kind, share,
            f"{model.ms(counts):.2f}", f"{one.total:.2f}", f"{timed[0].total:.2f}",
            f"{footprint.sparsity(counts):.3f}", footprint.totals(counts).params,
            footprint.totals(counts).macs, describe_device(),
        ]
        for (kind, share, counts), one in zip(cases, timed, strict=True)
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--architectures", nargs="+", default=list(ARCHITECTURES))
    parser.add_argument("--encoder", default="tu-tf_efficientnet_lite0")
    parser.add_argument("--engines", nargs="+", default=["openvino", "onnxruntime"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", type=int, default=512)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with given.out.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for architecture in given.architectures:
            for engine in given.engines:
                for row in measured(architecture, given.encoder, engine, given.threads, given.side):
                    writer.writerow(row)
                    print(*row[:-1])
                stream.flush()


if __name__ == "__main__":
    main()
