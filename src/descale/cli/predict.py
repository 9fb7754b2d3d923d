"""``descale predict``: photos in, masks and tables out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

AUTO = "auto"

if TYPE_CHECKING:
    from rich.progress import Progress

    from descale.prediction.batch import BatchReport
    from descale.prediction.summary import PhotoResult


def predict(
    bundle: Annotated[Path, typer.Argument(help="Bundle: a folder or zip file from `descale export`.")],
    photos: Annotated[
        list[str], typer.Argument(help="Photos, folders, glob patterns, videos, or - for standard input.")
    ],
    out: Annotated[str, typer.Option("--out", help="Folder for the results; with --ray also a URL.")],
    table: Annotated[
        list[str] | None,
        typer.Option("--format", help="Table: csv, json or coco; may be repeated.  [default: csv]"),
    ] = None,
    scale: Annotated[
        str,
        typer.Option(
            help="Share of the photos' resolution at which to work, above 0 to 1; auto: that at which "
            "things look as large as in training."
        ),
    ] = AUTO,
    mm_per_pixel: Annotated[
        float | None, typer.Option(help="Millimetres on the surface per photo pixel; gives areas in cm2.")
    ] = None,
    frame_step: Annotated[int, typer.Option(min=1, help="Take every N-th frame of a video.")] = 30,
    overlay_size: Annotated[
        int, typer.Option(min=0, help="Longest side of the overlays in pixels, about; 0: no overlays.")
    ] = 2048,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Predict again what is done.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Threads that decode ahead and write behind.")] = 2,
    engine: Annotated[
        str, typer.Option(help="auto, openvino or onnxruntime; auto takes the fastest installed.")
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads for inference.  [default: all cores]")
    ] = None,
    tile: Annotated[
        int | None, typer.Option(help="Largest side of a tile in pixels; smaller takes less memory.")
    ] = None,
    max_megapixels: Annotated[
        float, typer.Option(help="Refuse larger pictures, which may be decompression bombs.")
    ] = 250.0,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Predict on this Ray cluster (HOST:PORT, auto or local): PHOTOS is one folder or URL "
            "(s3://..., gs://...)."
        ),
    ] = None,
) -> None:
    """Find corrosion in photos: masks, overlays and a table. Needs no torch.

    Exit status 3 if some photos could not be read; the others are done. Run again, it goes on
    where it stopped.

    Example: `descale predict bundle.zip photos/ --out results --format csv --mm-per-pixel 0.4`

    Example: `descale predict bundle.zip s3://site/photos --out s3://site/results --ray auto`
    """
    from descale.base.errors import ConfigError
    from descale.base.files import make_folder
    from descale.prediction.batch import PredictSettings, describe_run, predict_photos
    from descale.prediction.inputs import find_inputs
    from descale.prediction.sources import count_sources, first_size, iterate_sources
    from descale.prediction.tables import TABLES, TableContent
    from descale.runtime.bundle import open_bundle
    from descale.runtime.segmenter import Segmenter
    from descale.runtime.working_scale import scale_for

    formats = list(dict.fromkeys(table or ["csv"]))
    for name in formats:
        if name not in TABLES:
            raise ConfigError(f"format {name!r} is unknown. Choose one of {', '.join(TABLES)}.")
    if mm_per_pixel is not None and not 0 < mm_per_pixel < float("inf"):
        raise ConfigError(f"--mm-per-pixel {mm_per_pixel} is not above 0.")
    if not 0 < max_megapixels < float("inf"):
        raise ConfigError(f"--max-megapixels {max_megapixels} is not a number above 0.")
    settings = PredictSettings(
        scale=_parse_scale(scale),
        mm_per_pixel=mm_per_pixel,
        overlay=overlay_size,
        max_pixels=round(max_megapixels * 1e6),
        overwrite=overwrite,
        workers=workers,
    )
    if ray is not None:
        from descale.cli.predict_bulk import predict_bulk

        predict_bulk(
            bundle, photos, out, settings, formats, address=ray, engine=engine, threads=threads, tile=tile
        )
        return
    folder = Path(out)
    found = find_inputs(photos, exclude=folder)
    inputs = found.inputs
    opened = open_bundle(bundle)
    scales = scale_for(opened.manifest.provenance, settings.scale)
    expect = first_size(inputs, scales, settings.max_pixels)
    segmenter = Segmenter(opened, engine=engine, threads=threads, tile=tile, expect=expect)
    make_folder(folder)
    with progress_bar() as progress:
        task = progress.add_task("predict", total=count_sources(inputs, frame_step))
        report = predict_photos(
            segmenter,
            iterate_sources(inputs, frame_step),
            folder,
            settings,
            on_photo=lambda: progress.advance(task),
        )
    report = replace(report, skipped=report.skipped + found.unread)
    content = TableContent(
        classes=segmenter.classes,
        results=report.results,
        skipped=report.skipped,
        made_by=describe_run(segmenter, settings),
        masks=folder / "masks",
    )
    for name in formats:
        TABLES[name].write(folder / TABLES[name].file, content)
    tell_scale(settings.scale, report.results, segmenter.bundle.manifest.provenance)
    conclude(report, [str(folder / TABLES[name].file) for name in formats])


def _parse_scale(text: str) -> float | None:
    from descale.base.errors import ConfigError

    if text == AUTO:
        return None
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale <= 1:
        raise ConfigError(f"--scale {text} is neither {AUTO} nor a number above 0 and up to 1.")
    return scale


def tell_scale(asked: float | None, results: Sequence[PhotoResult], provenance: Mapping[str, Any]) -> None:
    """Say at which scale photos were seen where that is not their own, or not that of the training."""
    from descale.prediction.summary import MAGNIFIED, magnification

    logger = logging.getLogger(__name__)
    larger = magnification(provenance, results)
    if larger is None:
        return
    size = "x".join(str(side) for side in provenance["input_size"])
    reduced = [result.scale for result in results if result.scale < 1]
    if asked is None and reduced:
        logger.info(
            "%d of %d photos were seen at %s of their size, as those of the training were shrunk to %s; "
            "--scale 1 takes every pixel",
            len(reduced),
            len(results),
            f"{min(reduced):.2g}" + (f" to {max(reduced):.2g}" if max(reduced) > min(reduced) else ""),
            size,
        )
    elif asked is not None and larger > MAGNIFIED:
        logger.warning(
            "things look %.0f times larger here than in the photos of the training, which were shrunk to %s; "
            "where results look wrong, leave --scale out, or give --scale %.2g",
            larger,
            size,
            asked / larger,
        )


def progress_bar() -> Progress:
    """Photos done of all, in a terminal; nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("predict"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def conclude(report: BatchReport, files: list[str]) -> None:
    """Say what was done.

    Raises:
        PartialFailure: photos were skipped.
    """
    from descale.base.errors import PartialFailure

    logger = logging.getLogger(__name__)
    again = f" ({report.reused} from an earlier run)" if report.reused else ""
    done, skipped = len(report.results), len(report.skipped)
    logger.info("%d photos done%s, %d skipped: %s", done, again, skipped, ", ".join(files))
    if report.skipped:
        raise PartialFailure(
            f"{skipped} of the inputs could not be read and were skipped, as told above; "
            "the rest is done. Replace them and run the same command again."
        )
