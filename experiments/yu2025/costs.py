"""Parameters, MACs and bytes of the paper's five networks, dense and at 0.2 / 0.5 / 0.9, by really cutting.

No training and no data: with a uniform allocation the widths do not depend on the weights.

    python experiments/yu2025/costs.py experiments/yu2025/costs.csv
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from descale import __version__
from descale.base.files import replacing_file
from descale.base.machine import processor
from descale.data.presets import SSCS
from descale.models import (
    ARCHITECTURES,
    SavedModel,
    build_network,
    count_macs,
    count_parameters,
    load_model,
    make_spec,
    read_widths,
    save_model,
    weights_bytes,
)
from descale.pruning import build_channel_graph, cut_channels, make_plan

ENCODER = "resnet101"
SIZE = (512, 512)
SPARSITIES = (0.0, 0.2, 0.5, 0.9)


def main(target: Path) -> None:
    torch.set_flush_denormal(True)
    rows: list[dict[str, object]] = []
    for architecture in ARCHITECTURES:
        spec = make_spec(architecture, ENCODER, classes=SSCS.table, input_size=SIZE)
        torch.manual_seed(0)
        network = build_network(spec)
        dense_widths = read_widths(network)
        began = time.perf_counter()
        graph = build_channel_graph(network)
        seconds = time.perf_counter() - began
        for sparsity in SPARSITIES:
            small, realised = network, 0.0
            if sparsity:
                plan = make_plan(network, size=SIZE, sparsity=sparsity, allocation="uniform", graph=graph)
                keep = {
                    group.index: np.arange(group.units) < plan.counts[group.index]
                    for group in graph.prunable
                    if group.index in plan.counts
                }
                small, realised = cut_channels(network, graph, keep), plan.sparsity
            with torch.inference_mode():
                classes = small(torch.zeros(1, 3, 64, 64)).shape[1]
            assert classes == len(spec.classes), "the head must not be cut"
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch) / "model"
                save_model(folder, SavedModel(spec, small, dense_widths))
                saved = load_model(folder)  # what is counted is what a user would load
                row = {
                    "architecture": architecture,
                    "encoder": ENCODER,
                    "classes": len(spec.classes),
                    "input_size": f"{SIZE[0]}x{SIZE[1]}",
                    "allocation": "uniform",
                    "sparsity": sparsity,
                    "sparsity_realised": round(realised, 4),
                    "params": count_parameters(saved.network),
                    "macs": count_macs(saved.network, SIZE),
                    "size_bytes": weights_bytes(folder),
                    "dtype": "float32",
                    "graph_seconds": round(seconds, 1),
                    "descale": __version__,
                    "torch": torch.__version__,
                    "device": processor(),
                }
            rows.append(row)
            print(architecture, sparsity, row["params"], row["macs"], row["size_bytes"], flush=True)
    for index, row in enumerate(rows):
        dense = rows[index - index % len(SPARSITIES)]
        row["params_share"] = round(int(str(row["params"])) / int(str(dense["params"])), 5)
        row["macs_share"] = round(int(str(row["macs"])) / int(str(dense["macs"])), 5)
    with replacing_file(target) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
