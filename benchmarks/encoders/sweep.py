"""Build, plan, cut and export networks with many encoders: what works, what stays dense, what is refused.

    python benchmarks/encoders/sweep.py --out benchmarks/encoders/sweep.csv
    python benchmarks/encoders/sweep.py --encoders tu-ghostnet_100,dpn68 --architectures unet,fpn

Without a list: of every family of segmentation_models_pytorch and of timm a small encoder, 123 in all, on the
five networks. Weights are random and pictures 64x64; a cell takes 5 to 40 seconds. A row is written as soon
as it is known, and cells that are in the file are left out, so the command can be stopped and typed again.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

COLUMNS = ("encoder", "architecture", "outcome", "groups", "dense_groups", "params_left", "seconds", "said")
LIMIT = 180.0
"""Seconds that a cell may take."""


def families() -> Iterator[str]:
    """A small encoder of every family, by what its name says of its size."""
    import segmentation_models_pytorch as smp
    import timm

    seen: set[str] = set()
    for name in smp.encoders.get_encoder_names():  # they are listed from small to large
        family = name.rstrip("0123456789").split("_")[0].rstrip("-")
        if family not in seen:
            seen.add(family)
            yield name
    by_module: dict[str, list[str]] = {}
    for name in timm.list_models(exclude_filters=["test_*"]):
        by_module.setdefault(timm.models.model_entrypoint(name).__module__, []).append(name)
    sizes = (
        "atto",
        "femto",
        "pico",
        "nano",
        "xxs",
        "xx_small",
        "tiny",
        "t0",
        "b0",
        "s0",
        "050",
        "small",
        "18",
    )
    for names in by_module.values():
        ranked = [name for size in sizes for name in names if size in name] or names
        yield f"tu-{ranked[0]}"


def one(encoder: str, architecture: str) -> dict[str, str]:
    """What becomes of one network."""
    import numpy as np
    import torch

    from descale.base.errors import DescaleError
    from descale.deploy.export.bundle import export_model
    from descale.models import SavedModel, build_network, make_spec, read_widths
    from descale.pruning import build_channel_graph, cut_channels

    torch.set_num_threads(1)
    row = {"encoder": encoder, "architecture": architecture}
    stage = "build"
    try:
        spec = make_spec(architecture, encoder, input_size=(64, 64))
        network = build_network(spec)
        widths = read_widths(network)
        stage = "plan"
        graph = build_channel_graph(network)
        stage = "cut"
        random = np.random.default_rng(0)
        keep = {
            group.index: random.permutation(group.units) < max(1, group.units // 3)
            for group in graph.prunable
        }
        small = cut_channels(network, graph, keep)
        before, after = (sum(p.numel() for p in one.parameters()) for one in (network, small))
        row |= {
            "groups": str(len(graph.prunable)), "dense_groups": str(len(graph.groups) - len(graph.prunable)),
            "params_left": f"{after / before:.2f}",
        }  # fmt: skip
        stage = "export"
        export_model(
            SavedModel(spec, small.eval(), widths), Path("/tmp") / f"sweep-{encoder}.zip", targets=["onnx"]
        )
    except DescaleError as error:
        return row | {"outcome": f"{stage} refused", "said": str(error)[:160]}
    except Exception as error:
        return row | {"outcome": f"{stage} failed", "said": f"{type(error).__name__}: {error}"[:160]}
    return row | {"outcome": "ok"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--encoders", help="names, with commas between")
    parser.add_argument("--architectures", default="unet,unetplusplus,fpn,linknet,manet")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        writer = csv.DictWriter(sys.stdout, COLUMNS, restval="")
        print("row:", end="")
        writer.writerow(one(*given.one))
        return
    rows: list[dict[str, str]] = []
    if given.out and given.out.exists():
        with given.out.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    done = {(row["encoder"], row["architecture"]) for row in rows}
    for encoder in given.encoders.split(",") if given.encoders else families():
        for architecture in given.architectures.split(","):
            if (encoder, architecture) in done:
                continue
            row = _in_process(encoder, architecture)
            rows.append(row)
            print(", ".join(f"{value}" for value in row.values() if value), flush=True)
            if given.out:
                with given.out.open("w", encoding="utf-8", newline="") as stream:
                    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(rows)


def _in_process(encoder: str, architecture: str) -> dict[str, str]:
    began = time.perf_counter()
    command = [sys.executable, __file__, "--one", encoder, architecture]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return {"encoder": encoder, "architecture": architecture, "outcome": f"longer than {LIMIT:g} s"}
    lines = [line.removeprefix("row:") for line in ran.stdout.splitlines() if line.startswith("row:")]
    if not lines:
        return {
            "encoder": encoder,
            "architecture": architecture,
            "outcome": "died",
            "said": ran.stderr[-160:],
        }
    row = dict(zip(COLUMNS, next(csv.reader(lines)), strict=True))
    return row | {"seconds": f"{time.perf_counter() - began:.0f}"}


if __name__ == "__main__":
    main()
