"""``descale latency``: measure the models of a study on this device, for its report and ``descale pick``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from descale.study.report.rows import Result


def latency(
    folder: Annotated[Path, typer.Argument(help="Folder of a study (the --out of descale study).")],
    size: Annotated[str, typer.Option(help="Height x width of the picture in pixels.")] = "512x512",
    threads: Annotated[int | None, typer.Option(help="Cores to use, pinned.  [default: all]")] = None,
    engine: Annotated[str, typer.Option(help="onnxruntime or openvino.")] = "onnxruntime",
) -> None:
    """Measure every configuration of a study on this device and write latency.csv beside results.csv.

    The first finished seed of each configuration is exported and timed, decoding left out: the median of
    pre-processing, inference and post-processing together. What is in latency.csv already under the same
    conditions is not measured again, so the command can be interrupted and continued.

    Example: `descale latency runs/rust-photos --size 512x512 --threads 2`
    """
    from rich.console import Console
    from rich.progress import track

    from descale.runtime.segmenter import usable_cores
    from descale.runtime.stopwatch.device import describe_device
    from descale.runtime.stopwatch.sizes import parse_size
    from descale.study.report.rows import LATENCIES, read_latencies, read_results

    shape = parse_size(size)
    used = threads or usable_cores()
    how = (
        f"median of a {shape[0]}x{shape[1]} picture, {engine}, {used} "
        f"{'thread' if used == 1 else 'threads'}, {describe_device().processor}"
    )
    path = folder / LATENCIES
    known = {trial: row for trial, row in read_latencies(path).items() if row.get("how") == how}
    waiting = [result for result in _first_seeds(read_results(folder)) if result.trial not in known]
    console = Console(stderr=True)
    for result in track(waiting, description="measuring", console=console):
        milliseconds = _measure(folder / "trials" / result.trial / "model", engine, shape, used)
        known[result.trial] = {"trial": result.trial, "latency_ms": f"{milliseconds:.4g}", "how": how}
        _write(path, list(known.values()))
    typer.echo(f"{path}: {len(known)} models, {how}")


def _first_seeds(results: list[Result]) -> list[Result]:
    """The first finished trial of each configuration that has a trial folder."""
    first: dict[tuple[str, str, str, str, float], Result] = {}
    for result in results:
        if result.finished and result.trial:
            key = (result.dataset, result.architecture, result.encoder, result.strategy, result.sparsity)
            first.setdefault(key, result)
    return list(first.values())


def _measure(model: Path, engine: str, size: tuple[int, int], threads: int) -> float:
    """Milliseconds, of a bundle that is made for the purpose and removed."""
    import tempfile

    from descale.deploy.export.bundle import export_model
    from descale.models import load_model
    from descale.runtime.stopwatch.contestants import bundle_contestants
    from descale.runtime.stopwatch.measure import measure

    target = "openvino" if engine == "openvino" else "onnx"
    with tempfile.TemporaryDirectory(prefix="descale-latency-") as temporary:
        bundle = Path(temporary) / "bundle"
        export_model(load_model(model), bundle, targets=(target,))
        contestants = bundle_contestants([bundle], size=size, engines=[engine])
        (measured,) = measure(contestants, size=size, threads=threads, rounds=5, runs=5)
    return 1000 * measured.percentile("total", 50)


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    import csv

    from descale.files import replacing_file

    with replacing_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["trial", "latency_ms", "how"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
