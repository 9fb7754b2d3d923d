"""``descale compress``: from labelled photos to a bundle within limits, in one command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def compress(
    data: Annotated[
        str, typer.Argument(help="Data set: a folder, a description (.yaml), or nea:/sscs:PATH.")
    ],
    out: Annotated[Path, typer.Option(help="Bundle to write, a .zip; a report goes beside it.")],
    max_ms: Annotated[
        float | None, typer.Option(help="Most milliseconds of inference for one picture.")
    ] = None,
    max_drop: Annotated[
        float | None, typer.Option(help="Most points of IoU (0..100) below the best dense network.")
    ] = None,
    max_mb: Annotated[
        float | None, typer.Option(help="Most megabytes of the bundle; stores weights in 16 bits.")
    ] = None,
    max_macs: Annotated[float | None, typer.Option(help="Most multiply-accumulates, such as 5e8.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Time for everything; without it hours on a CPU.")
    ] = None,
    engine: Annotated[str, typer.Option(help="That will run it: auto, openvino or onnxruntime.")] = "auto",
    int8: Annotated[
        bool | None,
        typer.Option("--int8/--no-int8", help="Quantize. Default: where it loses little and is faster."),
    ] = None,
    networks_to: Annotated[
        Path | None,
        typer.Option(
            help="Only write untrained networks for --engine there, to be timed on another device. Limits "
            "and times count later."
        ),
    ] = None,
    device_times: Annotated[
        list[Path] | None,
        typer.Option(help="What descale benchmark --csv wrote of them there; may be repeated."),
    ] = None,
    arch: Annotated[
        list[str] | None,
        typer.Option(help="Dense network to begin with; may be repeated. Default: unet, then fpn."),
    ] = None,
    encoder: Annotated[str, typer.Option(help="Any encoder of segmentation_models_pytorch.")] = (
        "tu-tf_efficientnet_lite0"
    ),
    encoder_weights: Annotated[str, typer.Option(help="none, imagenet, or a file.")] = "imagenet",
    size: Annotated[
        str | None,
        typer.Option(help="Largest working size, 384 or 384x512. Default: of the photos, up to 512."),
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the engine; default: all cores.")] = None,
    binary: Annotated[bool, typer.Option(help="Merge all corrosion classes into one.")] = False,
    work: Annotated[
        Path | None, typer.Option(help="Folder for the trainings; default: OUT with -work for .zip.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0, max=2**31 - 1)] = 0,
    accept_problems: Annotated[
        bool, typer.Option("--accept-problems", help="Go on although the check of the data failed.")
    ] = False,
) -> None:
    """Train, prune and export the best network within limits; exit status 1 with offers where none is.

    Interrupt it as you like; the same command continues it.

    Example: `descale compress photos/ --max-ms 20 --max-drop 2 --minutes 180 --out corrosion.zip`
    """
    from descale.base.picture_size import parse_size
    from descale.compression.result import points_lost
    from descale.compression.run import ARCHITECTURES
    from descale.compression.run import compress as compress_photos

    architectures = tuple(arch) if arch else ARCHITECTURES
    if networks_to is not None:
        _write_networks(networks_to, data, architectures, encoder, engine, binary, int8 is True)
        return
    result = compress_photos(
        data,
        out,
        max_ms=max_ms,
        max_drop=max_drop,
        max_mb=max_mb,
        max_macs=max_macs,
        minutes=minutes,
        engine=engine,
        int8=int8,
        device_times=device_times or (),
        architectures=architectures,
        encoder=encoder,
        encoder_weights=encoder_weights,
        size=None if size is None else parse_size(size),
        threads=threads,
        binary=binary,
        work=work,
        devices={"progress": sys.stderr.isatty()},
        seed=seed,
        accept_problems=accept_problems,
        tell=typer.echo,
    )
    if result.bundle is None:
        typer.echo(f"The limits cannot be met: {'; '.join(result.missed)}.")
        for line in result.offers:
            typer.echo(line)
        if result.report is not None:
            typer.echo(f"report: {result.report}")
        raise typer.Exit(1)
    assert result.final is not None
    final = result.final
    typer.echo(
        f"{final.candidate.title}: {final.ms:.1f} ms, {final.megabytes:.2f} MB, corrosion IoU "
        f"{final.iou.estimate:.3f} on the {final.split} photos, "
        f"{points_lost(final.drop.estimate)}"
    )
    typer.echo(f"bundle: {result.bundle}")
    typer.echo(f"report: {result.report}")


def _write_networks(
    folder: Path,
    data: str,
    architectures: tuple[str, ...],
    encoder: str,
    engine: str,
    binary: bool,
    int8: bool,
) -> None:
    from descale.compression.run import networks_to_time
    from descale.data import load_dataset
    from descale.runtime.engines import installed_engine

    classes = load_dataset(data, binary=binary).classes
    engine = installed_engine(engine, elsewhere=True)
    written = networks_to_time(
        folder, architectures=architectures, encoder=encoder, engine=engine, classes=classes, int8=int8
    )
    typer.echo(f"{len(written)} networks in {folder}. Copy them to the device, and time them there:")
    typer.echo(
        f"  descale benchmark {folder.name}/*.zip --engine {engine} --size 512x512 --csv times-512.csv\n"
        "and so for the other sizes. Then give the files here: --device-times times-512.csv"
    )
