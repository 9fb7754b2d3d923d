"""How far the prediction of milliseconds is off for a network that was left out of the fit.

    python benchmarks/latency/left_out.py --architectures unet fpn unet-half --engine openvino --threads 2

Layers of the dense network and nine narrower ones are timed; each of the nine is predicted from the others.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from descale.base.classes import BINARY
from descale.latency.model import fit_latency
from descale.latency.table import measure_table, probe_widths
from descale.models import build_network, make_spec
from descale.pruning import build_channel_graph
from descale.pruning.footprint import Footprint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--architectures", nargs="+", default=["unet", "unet-half", "fpn"])
    parser.add_argument("--encoder", default="tu-tf_efficientnet_lite0")
    parser.add_argument("--engine", default="openvino")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", type=int, default=512)
    given = parser.parse_args()
    size = (given.side, given.side)
    for architecture in given.architectures:
        spec = make_spec(architecture, given.encoder, classes=BINARY, input_size=size)
        network = build_network(spec).eval()
        graph = build_channel_graph(network)
        footprint = Footprint(network, graph, size)
        table = measure_table(
            network, spec, graph, size=size, engine=given.engine, threads=given.threads, tell=lambda _: None
        )
        errors = []
        for probe, counts in enumerate(probe_widths(graph, footprint.full(), table.lanes)):
            if probe == 0:  # nothing is as wide, so leaving it out would be asking beyond what is known
                continue
            others = tuple(one for one in table.times if one.probe != probe)
            measured = sum(one.ms for one in table.times if one.probe == probe)
            predicted = fit_latency(replace(table, times=others), footprint).ms(counts)
            errors.append(predicted / measured - 1)
        shown = " ".join(f"{100 * error:+.1f}" for error in errors)
        print(f"{architecture}: {100 * np.mean(np.abs(errors)):.1f} % off in the mean ({shown})", flush=True)


if __name__ == "__main__":
    main()
