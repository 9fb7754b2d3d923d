"""``descale benchmark``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def benchmark(
    bundles: Annotated[list[Path] | None, typer.Argument(help="Bundles: folders or zip files.")] = None,
    size: Annotated[str, typer.Option(help="Height x width of the picture in pixels.")] = "512x512",
    threads: Annotated[int | None, typer.Option(min=1, help="Cores to use, pinned.  [default: all]")] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(help="onnxruntime or openvino, may be repeated.  [default: every installed one]"),
    ] = None,
    dense: Annotated[
        Path | None, typer.Option(help="Model folder to run in PyTorch eager, as the reference. Needs torch.")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(help="How often the networks take turns.  [default: 10]")
    ] = None,
    runs: Annotated[
        int | None, typer.Option(help="Runs of a network in a row at each turn.  [default: 5]")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
    latency_table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            help="Time the layers of --dense at several widths, for budgets in latency, and write them here.",
        ),
    ] = None,
) -> None:
    """Measure latency, memory, start-up and size of bundles on this device.

    Each network runs in a process of its own, pinned to the cores, and they take turns, so that ratios
    hold even on a machine whose speed drifts. Speed-ups are against --dense, or else the first bundle.

    Example: `descale benchmark pruned.zip dense.zip --dense runs/unet/model --size 512x512 --threads 2`

    Example: `descale benchmark --dense runs/unet/model --size 512x512 --engine openvino --table times.csv`
    """
    from rich.markup import escape

    from descale.base.errors import ConfigError
    from descale.base.machine import usable_cores
    from descale.base.picture_size import parse_size
    from descale.cli.console import plain_console
    from descale.runtime.device import describe_device
    from descale.stopwatch.contestants import bundle_contestants
    from descale.stopwatch.measure import ceiling_in_process, measure
    from descale.stopwatch.report import rows, table, write_csv

    shape = parse_size(size)
    cores = usable_cores()
    if threads is not None and threads > cores:
        raise ConfigError(f"--threads {threads}: this process may use {cores} cores.")
    used = threads or cores
    if latency_table is None and dense is None and not bundles:
        raise ConfigError("Nothing to measure: give bundles, or a model folder with --dense.")
    if latency_table is not None and not bundles:
        for name, value in (("--csv", csv), ("--rounds", rounds), ("--runs", runs)):
            if value is not None:
                raise ConfigError(f"{name} is for bundles; name some beside --table, or leave it out.")
    if latency_table is not None:
        _write_table(latency_table, dense, shape, engine or ["auto"], used)
        if not bundles:
            return
    contestants = bundle_contestants(bundles or [], size=shape, engines=engine or [])
    if dense is not None:
        from descale.stopwatch.torch_worker import torch_contestant

        contestants.insert(0, torch_contestant(dense, size=shape))
    device = describe_device()
    with plain_console(stderr=True).status("measuring this machine's ceiling") as status:
        ceiling = ceiling_in_process(used)
        measured = measure(
            contestants,
            size=shape,
            threads=used,
            rounds=10 if rounds is None else rounds,
            runs=5 if runs is None else runs,
            progress=lambda text: status.update(escape(text)),
        )
    lines = rows(measured, measured[0], ceiling, device, size=shape, threads=used)
    console = plain_console()
    console.print(str(device))
    console.print(
        f"ceiling with {used} threads: {ceiling.gflops:.0f} GFLOP/s in a matrix product, "
        f"{ceiling.gigabytes:.1f} GB/s in a copy"
    )
    plain_console(width=max(190, console.width)).print(table(lines))
    console.print(f"speed-ups against {lines[0]['reference']}, {shape[0]}x{shape[1]}, {used} threads")
    if csv is not None:
        write_csv(csv, lines)
        console.print(f"wrote {csv}")


def _write_table(
    out: Path, dense: Path | None, size: tuple[int, int], engines: list[str], threads: int
) -> None:
    from descale.base.errors import ConfigError
    from descale.cli.console import plain_console
    from descale.latency.table import measure_table, write_table
    from descale.models import load_model, require_dense
    from descale.pruning import build_channel_graph
    from descale.runtime.engines import installed_engine

    if dense is None or len(engines) > 1:
        raise ConfigError("--table needs the model folder of the dense network, --dense, and one --engine.")
    model = load_model(dense)
    require_dense(model, dense)
    with plain_console(stderr=True).status("timing layers") as status:
        table = measure_table(
            model.network.eval(), model.spec, build_channel_graph(model.network), size=size,
            engine=installed_engine(engines[0]), threads=threads, tell=status.update,
        )  # fmt: skip
    write_table(out, table)
    plain_console().print(
        f"{table.network} in {table.engine}: dense {table.dense_ms:.1f} ms, {table.lanes} channels at once; "
        f"wrote {out}"
    )
