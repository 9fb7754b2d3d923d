"""Build, plan, cut and export networks with many encoders: what works, what stays dense, what is refused.

    python benchmarks/encoders/sweep.py --out benchmarks/encoders/sweep.csv
    python benchmarks/encoders/sweep.py --encoders tu-ghostnet_100,dpn68 --architectures unet,fpn
    python benchmarks/encoders/sweep.py --table benchmarks/encoders/sweep.csv        # for docs/encoders.md

Without a list: of every family of segmentation_models_pytorch and of timm a small encoder, on the five
networks. Weights are random and pictures 64x64. U-Nets of segmentation_models_pytorch's own encoders are
exported whole and compared with torch; all others are traced as networks that are only timed, since the
exporter takes a minute of some. One process for an encoder; what kills it is a row too. Rows are written as
soon as they are known, and cells that are in the file are left out, so the command can be stopped and typed
again.
"""

from __future__ import annotations

import argparse
import csv
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

COLUMNS = ("encoder", "architecture", "outcome", "groups", "dense_groups", "params_left", "seconds", "said")
EXPECTED = ("the class head is never cut", "it cannot be cut below its one unit")
"""Reasons to stay dense that are no fault."""
ARCHITECTURES = ("unet", "unetplusplus", "fpn", "linknet", "manet")
LIMIT = 400.0
"""Seconds that an encoder may take on one network."""
SIZES = ("atto", "femto", "pico", "nano", "xxs", "xx_small", "tiny", "t0", "b0", "s0", "050", "small", "18")
"""What small members of a family are called, smallest first."""


def families() -> Iterator[str]:
    """A small encoder of every family, by what its name says of its size."""
    import segmentation_models_pytorch as smp
    import timm

    seen: set[str] = set()
    for name in smp.encoders.get_encoder_names():  # they are listed from small to large
        family = re.split(r"(?<=[a-z])\d|[-_](b|l|s|lite)\d", name)[0]
        if family not in seen:
            seen.add(family)
            yield name
    by_module: dict[str, list[str]] = {}
    for name in timm.list_models(exclude_filters=["test_*"]):
        by_module.setdefault(timm.models.model_entrypoint(name).__module__, []).append(name)
    for names in by_module.values():
        ranked = [name for size in SIZES for name in names if size in name] or names
        yield f"tu-{ranked[0]}"


def one(encoder: str, architecture: str) -> dict[str, str]:
    """What becomes of one network."""
    import numpy as np
    import torch

    from descale.base.errors import DescaleError
    from descale.deploy.export.bundle import export_model
    from descale.deploy.graph.trace import trace_network
    from descale.models import SavedModel, build_network, make_spec, read_widths
    from descale.pruning import build_channel_graph, cut_channels

    torch.set_num_threads(1)
    began = time.perf_counter()
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
        small = cut_channels(network, graph, keep).eval()
        before, after = (sum(p.numel() for p in one.parameters()) for one in (network, small))
        row |= {
            "groups": str(len(graph.prunable)),
            "dense_groups": str(sum(group.refusal not in (None, *EXPECTED) for group in graph.groups)),
            "params_left": f"{after / before:.2f}",
        }
        stage = "export"
        trace_network(small, spec, quick=True)
        if architecture == "unet" and not encoder.startswith("tu-"):
            with tempfile.TemporaryDirectory() as folder:
                export_model(SavedModel(spec, small, widths), Path(folder) / "one.zip", targets=["onnx"])
        row["outcome"] = "ok"
    except DescaleError as error:
        row |= {"outcome": f"{stage} refused", "said": " ".join(str(error).split())[:200]}
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        row |= {"outcome": f"{stage} failed", "said": said[:200]}
    return row | {"seconds": f"{time.perf_counter() - began:.0f}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--encoders", help="names, with commas between")
    parser.add_argument("--architectures", default=",".join(ARCHITECTURES))
    parser.add_argument("--table", type=Path, help="print the table of a file that is whole")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.table:
        print_table(given.table)
        return
    architectures = given.architectures.split(",")
    if given.one:
        for architecture in architectures:
            print("row:", end="")
            csv.DictWriter(sys.stdout, COLUMNS, restval="").writerow(one(given.one, architecture))
            sys.stdout.flush()
        return
    rows: list[dict[str, str]] = []
    if given.out and given.out.exists():
        with given.out.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    done = {(row["encoder"], row["architecture"]) for row in rows}
    for encoder in given.encoders.split(",") if given.encoders else families():
        left = [architecture for architecture in architectures if (encoder, architecture) not in done]
        while left:
            fresh = _in_process(encoder, left)
            left = left[len(fresh) :]
            rows += fresh
            for row in fresh:
                print(", ".join(value for value in row.values() if value), flush=True)
            if given.out:
                with given.out.open("w", encoding="utf-8", newline="") as stream:
                    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(rows)


def print_table(file: Path) -> None:
    """What became of every encoder on every network, encoders of the same outcome in one row."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    outcome: dict[str, dict[str, str]] = {}
    for row in rows:
        outcome.setdefault(row["encoder"], {})[row["architecture"]] = _cell(row)
    alike: dict[tuple[str, ...], list[str]] = {}
    for encoder, cells in outcome.items():
        alike.setdefault(tuple(cells[name] for name in ARCHITECTURES), []).append(f"`{encoder}`")
    print("| encoder | U-Net | U-Net++ | FPN | LinkNet | MA-Net |\n|---|---|---|---|---|---|")
    for cells_of, names in sorted(alike.items(), key=lambda pair: (-pair[0].count("all"), -len(pair[1]))):
        print(f"| {', '.join(names)} | {' | '.join(cells_of)} |")


def _cell(row: dict[str, str]) -> str:
    stage, _, ended = row["outcome"].partition(" ")
    if row["outcome"] == "ok" or stage == "export":
        cut = "all" if row["dense_groups"] == "0" else "part"
        return cut if ended != "refused" else f"{cut}, no export"
    return {"build": "-", "plan": "no cut", "cut": "no cut"}.get(stage, row["outcome"])


def _in_process(encoder: str, architectures: Sequence[str]) -> list[dict[str, str]]:
    """Rows of ``architectures``, as many as the process lived for; the one it died of is the last."""
    command = [sys.executable, __file__, "--one", encoder, "--architectures", ",".join(architectures)]
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT * len(architectures), check=False
        )
        out, ended, said = ran.stdout, "died", ran.stderr.strip()[-200:]
    except subprocess.TimeoutExpired as error:
        out, ended, said = (error.stdout or b"").decode(), f"longer than {LIMIT:g} s", ""
    found = csv.DictReader(
        (line.removeprefix("row:") for line in out.splitlines() if line.startswith("row:")), COLUMNS
    )
    rows = list(found)
    if len(rows) < len(architectures):
        architecture = architectures[len(rows)]
        rows.append({"encoder": encoder, "architecture": architecture, "outcome": ended, "said": said})
    return rows


if __name__ == "__main__":
    main()
