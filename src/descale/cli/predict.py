"""``descale predict``: photos in, masks and tables out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

AUTO = "auto"

if TYPE_CHECKING:
    from rich.progress import Progress

    from descale.prediction.batch import BatchReport


def predict(
    photos: Annotated[
        list[str],
        typer.Argument(
            help="Photos, folders, glob patterns, videos, or - for standard input; a bundle may stand "
            "before them."
        ),
    ],
    out: Annotated[str, typer.Option("--out", help="Folder for the results; with --ray also a URL.")],
    bundle: Annotated[
        Path | None,
        typer.Option(help="Folder or zip file from `descale export`.  [default: the model in the package]"),
    ] = None,
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
    page_size: Annotated[
        int,
        typer.Option(
            min=0, help="Longest side of the photos that index.html shows in pixels, about; 0: no page."
        ),
    ] = 1600,
    compare: Annotated[
        Path | None,
        typer.Option(help="Results of an earlier run: index.html shows what grew since, by photos' names."),
    ] = None,
    positions_on_page: Annotated[
        bool,
        typer.Option(
            "--positions-on-page", help="Tell on index.html too where photos were taken, as the tables do."
        ),
    ] = False,
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
    """Find corrosion in photos: masks, overlays, a table and a page to look through. Needs no torch.

    Exit status 3 if some photos could not be read; the others are done. Run again, it goes on
    where it stopped.

    Example: `descale predict photos/ --out results`

    Example: `descale predict bundle.zip photos/ --out results --format csv --mm-per-pixel 0.4`

    Example: `descale predict bundle.zip s3://site/photos --out s3://site/results --ray auto`
    """
    from descale.runtime.packaged import packaged_bundle

    if bundle is None:
        bundle, photos = split_bundle(photos)
    bundle = bundle or packaged_bundle()
    share = _parse_scale(scale)
    formats = table or ["csv"]
    with _progress_bar() as bar:
        task = bar.add_task("predict", total=None)

        def progress(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        if ray is not None:
            _refuse_on_ray(compare)
            from descale.cluster.bucket import predict_bucket
            from descale.prediction.batch import PredictSettings

            settings = PredictSettings(
                share, mm_per_pixel, overlay_size, max_megapixels,
                overwrite=overwrite, workers=workers, page=page_size,
            )  # fmt: skip
            report = predict_bucket(
                bundle, photos, out, settings, formats,
                positions_on_page=positions_on_page, address=ray, engine=engine, threads=threads, tile=tile,
                progress=progress,
            )  # fmt: skip
        else:
            from descale.prediction.predict import predict as predict_here

            report = predict_here(
                bundle, photos, out, formats=formats, scale=share, mm_per_pixel=mm_per_pixel,
                frame_step=frame_step, overlay_size=overlay_size, page_size=page_size, compare=compare,
                positions_on_page=positions_on_page, overwrite=overwrite, workers=workers,
                engine=engine, threads=threads, tile=tile, max_megapixels=max_megapixels, progress=progress,
            )  # fmt: skip
    _conclude(report)


def split_bundle(arguments: list[str]) -> tuple[Path | None, list[str]]:
    """A bundle named before the photos, if there is one, and the photos.

    The first of several arguments is the bundle where it ends in ``.zip`` or is a folder with a
    manifest; a model that was not exported is taken for one, and refused when it is opened.

    >>> split_bundle(["small.zip", "photos"]), split_bundle(["photos", "more"])
    ((PosixPath('small.zip'), ['photos']), (None, ['photos', 'more']))
    """
    from descale.base.errors import ConfigError
    from descale.runtime.bundle import is_bundle, is_unexported

    first = Path(arguments[0])
    if len(arguments) > 1 and (is_bundle(first) or is_unexported(first)):
        return first, arguments[1:]
    if is_bundle(first) or is_unexported(first):
        raise ConfigError(f"{first} is a bundle or a model: name the photos behind it.")
    return None, arguments


def _refuse_on_ray(compare: Path | None) -> None:
    from descale.base.errors import ConfigError

    if compare is not None:
        raise ConfigError("--ray has no --compare: fetch both folders of results, and compare them here.")


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


def _progress_bar() -> Progress:
    """Photos done of all, in a terminal; nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("predict"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _conclude(report: BatchReport) -> None:
    """Say what was done.

    Raises:
        PartialFailure: photos were skipped.
    """
    from descale.base.errors import PartialFailure

    logger = logging.getLogger(__name__)
    again = f" ({report.reused} from an earlier run)" if report.reused else ""
    done, skipped = len(report.results), len(report.skipped)
    written = ", ".join([*report.tables, *([report.page] if report.page else [])])
    logger.info("%d photos done%s, %d skipped: %s", done, again, skipped, written)
    if report.skipped:
        raise PartialFailure(
            f"{skipped} of the inputs could not be read and were skipped, as told above; "
            "the rest is done. Replace them and run the same command again."
        )
