"""Photos in, masks and tables out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from descale.base.errors import ConfigError, DataError
from descale.base.files import make_folder, write_json
from descale.base.home import expanded
from descale.prediction.batch import BatchReport, PredictSettings, describe_run, predict_photos
from descale.prediction.inputs import find_inputs
from descale.prediction.page.comparison import Earlier, read_earlier
from descale.prediction.page.pictures import PAGE_SIZE
from descale.prediction.page.write import remove_page, require_own_page, write_page
from descale.prediction.results_folder import RUN, of_predict, require_free
from descale.prediction.sources import count_sources, first_size, iterate_sources
from descale.prediction.summary import MAGNIFIED, PhotoResult, magnification
from descale.prediction.tables import TABLES, TableContent
from descale.prediction.tables.as_geojson import write_positions
from descale.runtime.bundle import open_bundle
from descale.runtime.packaged import packaged_bundle
from descale.runtime.segmenter import Segmenter
from descale.runtime.working_scale import scale_for

logger = logging.getLogger(__name__)


def predict(
    bundle: str | Path | None,
    photos: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    formats: str | Sequence[str] = ("csv",),
    scale: float | None = None,
    mm_per_pixel: float | None = None,
    frame_step: int = 30,
    overlay_size: int = 2048,
    page_size: int = PAGE_SIZE,
    compare: str | Path | None = None,
    positions_on_page: bool = False,
    overwrite: bool = False,
    workers: int = 2,
    engine: str = "auto",
    threads: int | None = None,
    tile: int | None = None,
    max_megapixels: float = 250.0,
    progress: Callable[[int, int | None], None] | None = None,
) -> BatchReport:
    """Find corrosion in photos: masks, overlays, a table and a page to look through. Needs no torch.

    A photo that cannot be read is logged, skipped and listed in the report; the others are done. Called
    again, it goes on where it stopped.

    Args:
        bundle: folder or zip file, as :func:`descale.export` writes it; ``None`` is the model in the package.
        photos: one or several photos, folders (searched to any depth), glob patterns, videos, or ``-`` for
            standard input.
        out: folder for the results, made if need be: ``masks/`` (class ids, PNG of the photo's height and
            width), ``colours/``, ``overlays/``, ``photos/``, the tables,
            and ``index.html`` with its pictures in ``page/``.
        formats: of the table, names in :data:`descale.prediction.tables.TABLES`: ``csv``, ``json``, ``coco``.
            Tables of an earlier run in ``out`` are written anew too.
        scale: share of the photos' resolution at which to work, above 0 and up to 1; ``None``: that at which
            things look as large as in training.
        mm_per_pixel: side of a photo's pixel on the surface, mm; gives areas in cm2.
        frame_step: take every so many frames of a video.
        overlay_size: longest side of the overlays, about, pixels; 0 writes none.
        page_size: longest side of the photos that ``index.html`` shows, about, pixels; 0 writes no page.
        compare: folder of the results of an earlier job; the page then shows what grew, photo by photo where
            names agree.
        positions_on_page: tell on the page too where photos were taken; the tables and ``photos.geojson`` do
            wherever a photo's header does.
        overwrite: predict again what is done.
        workers: threads that decode ahead and write behind.
        engine: ``openvino`` or ``onnxruntime``; ``auto`` takes the fastest installed.
        threads: for inference; all cores where not given.
        tile: largest side of a tile, pixels; smaller takes less memory.
        max_megapixels: larger pictures, which may be decompression bombs, are skipped.
        progress: called with the number of photos done and of all, ``None`` where a video hides it.

    Returns:
        Results in the order of the photos, shares in percent of the picture, and where the tables are.

    Raises:
        BundleError: the bundle cannot be opened, or no engine runs it.
        ConfigError: a setting is wrong, or ``out`` is of no run and holds files that would be overwritten.
        DataError: there is no such photo or folder, or nothing to compare with.
        DescaleError: ``out`` cannot be written.

    >>> import descale                                                          # doctest: +SKIP
    >>> report = descale.predict("small.zip", "photos/test/images", "results")  # doctest: +SKIP
    >>> len(report.results), report.skipped, report.tables                      # doctest: +SKIP
    (6, (), ('results/predictions.csv',))
    """
    kinds = known_formats(formats)
    settings = PredictSettings(
        scale=scale, mm_per_pixel=mm_per_pixel, overlay=overlay_size, max_megapixels=max_megapixels,
        overwrite=overwrite, workers=workers, page=page_size,
    )  # fmt: skip
    if frame_step < 1:
        raise ConfigError(f"Frame step {frame_step} is below 1; 1 takes every frame.")
    folder = expanded(out)
    again = of_predict(folder)
    if not again:
        require_free(folder)
    if settings.page:
        require_own_page(folder)
    earlier = None if compare is None else _earlier(expanded(compare), folder, settings)
    several = [photos] if isinstance(photos, str | Path) else photos
    if not several:
        raise DataError("No photos were named (an empty list). Name files, folders or patterns.")
    found = find_inputs([str(item) for item in several], exclude=folder)
    opened = open_bundle(packaged_bundle() if bundle is None else expanded(bundle))
    expect = first_size(found.inputs, scale_for(opened.manifest.provenance, scale), settings.max_pixels)
    segmenter = Segmenter(opened, engine=engine, threads=threads, tile=tile, expect=expect)
    make_folder(folder)
    total, done = count_sources(found.inputs, frame_step), 0
    if progress is not None:
        progress(0, total)

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    made_by = describe_run(segmenter, settings)
    write_json(folder / RUN, dict(made_by))  # first: it says whose the other files are
    sources = iterate_sources(found.inputs, frame_step)
    report = predict_photos(segmenter, sources, folder, settings, on_photo=step)
    report = replace(report, skipped=report.skipped + found.unread)
    content = TableContent(
        classes=segmenter.classes,
        results=report.results,
        skipped=report.skipped,
        made_by=made_by,
        masks=folder / "masks",
    )
    if again:  # tables of an earlier run would tell of other photos
        kinds += [kind for kind in TABLES if kind not in kinds and (folder / TABLES[kind].file).exists()]
    for kind in kinds:
        TABLES[kind].write(folder / TABLES[kind].file, content)
    placed = write_positions(folder, content)
    page = None
    if settings.page:
        page = write_page(folder, content, earlier=earlier, positions=positions_on_page)
    else:
        remove_page(folder)
    tell_scale(scale, report.results, opened.manifest.provenance)
    tables = [folder / TABLES[kind].file for kind in kinds] + ([] if placed is None else [placed])
    return replace(report, tables=tuple(map(str, tables)), page=None if page is None else str(page))


def _earlier(compare: Path, out: Path, settings: PredictSettings) -> Earlier:
    if not settings.page:
        raise ConfigError("A comparison (--compare) is shown on the page. Leave --page-size 0 out.")
    if compare.resolve() == out.resolve():
        raise ConfigError(f"{compare} is where the results go. Compare with the folder of an earlier run.")
    return read_earlier(compare)


def known_formats(names: str | Sequence[str]) -> list[str]:
    """Formats of tables, each once.

    Raises:
        ConfigError: one is unknown.
    """
    names = [names] if isinstance(names, str) else names
    for name in names:
        if name not in TABLES:
            raise ConfigError(f"format {name!r} is unknown. Choose one of {', '.join(TABLES)}.")
    return list(dict.fromkeys(names))


def tell_scale(asked: float | None, results: Sequence[PhotoResult], provenance: Mapping[str, Any]) -> None:
    """Say at which scale photos were seen where that is not their own, or not that of the training."""
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
