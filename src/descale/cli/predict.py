"""``descale predict``: photos in, masks and tables out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from descale.runtime.batch import BatchReport


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
    scale: Annotated[float, typer.Option(help="Work at this share of the resolution, above 0 to 1.")] = 1.0,
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
    from descale.errors import ConfigError
    from descale.files import make_folder
    from descale.runtime.batch import PredictSettings, describe_run, predict_photos
    from descale.runtime.magnification import MAGNIFIED, magnification
    from descale.runtime.segmenter import Segmenter
    from descale.runtime.sources import count_sources, find_inputs, first_size, iterate_sources
    from descale.runtime.tables import TABLES, TableContent

    formats = list(dict.fromkeys(table or ["csv"]))
    for name in formats:
        if name not in TABLES:
            raise ConfigError(f"format {name!r} is unknown. Choose one of {', '.join(TABLES)}.")
    if not 0 < scale <= 1:
        raise ConfigError(f"--scale {scale} is not above 0 and up to 1.")
    if mm_per_pixel is not None and not 0 < mm_per_pixel < float("inf"):
        raise ConfigError(f"--mm-per-pixel {mm_per_pixel} is not above 0.")
    if not 0 < max_megapixels < float("inf"):
        raise ConfigError(f"--max-megapixels {max_megapixels} is not a number above 0.")
    settings = PredictSettings(
        scale=scale,
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
    inputs = find_inputs(photos, exclude=folder)
    expect = first_size(inputs, scale, settings.max_pixels)
    segmenter = Segmenter.from_bundle(bundle, engine, threads=threads, tile=tile, expect=expect)
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
    content = TableContent(
        classes=segmenter.classes,
        results=report.results,
        skipped=report.skipped,
        made_by=describe_run(segmenter, settings),
        masks=folder / "masks",
    )
    for name in formats:
        TABLES[name].write(folder / TABLES[name].file, content)
    provenance = segmenter.bundle.manifest.provenance
    larger = magnification(provenance, report.results, scale)
    if larger is not None and larger > MAGNIFIED:
        logging.getLogger(__name__).warning(
            "things look %.0f times larger here than in the photos of the training, which were shrunk to %s; "
            "where results look wrong, compare with --scale %.2g",
            larger,
            "x".join(str(side) for side in provenance["input_size"]),
            scale / larger,
        )
    conclude(report, [str(folder / TABLES[name].file) for name in formats])


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
    from descale.errors import PartialFailure

    logger = logging.getLogger(__name__)
    again = f" ({report.reused} from an earlier run)" if report.reused else ""
    done, skipped = len(report.results), len(report.skipped)
    logger.info("%d photos done%s, %d skipped: %s", done, again, skipped, ", ".join(files))
    if report.skipped:
        raise PartialFailure(
            f"{skipped} of the inputs could not be read and were skipped, as told above; "
            "the rest is done. Replace them and run the same command again."
        )
