"""A folder or bucket of photos, predicted on a cluster, with the tables beside the results."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from descale.base.errors import ConfigError
from descale.cluster.bulk import Work, predict_on_ray, put_table, recorded_run, require_own_page_at
from descale.prediction.batch import BatchReport, PredictSettings
from descale.prediction.inputs import STDIN
from descale.prediction.page.write import write_page
from descale.prediction.predict import known_formats, tell_scale
from descale.prediction.results_folder import PAGE_FILE
from descale.prediction.tables import TABLES, TableContent
from descale.prediction.tables.as_geojson import write_positions
from descale.runtime.bundle import open_bundle


def predict_bucket(
    bundle: Path,
    photos: Sequence[str],
    out: str,
    settings: PredictSettings,
    formats: Sequence[str],
    *,
    address: str,
    positions_on_page: bool = False,
    engine: str = "auto",
    threads: int | None = None,
    tile: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BatchReport:
    """Predict on a Ray cluster and put the tables beside the results.

    Args:
        bundle: as for :func:`descale.predict`, in a place that every machine sees.
        photos: one folder or URL.
        out: folder or URL for the results.
        settings: how.
        formats: ``csv``, ``json``.
        address: as for :func:`descale.cluster.ray_cluster.run_on_ray`.
        positions_on_page: as for :func:`descale.predict`.
        engine: as for :func:`descale.predict`.
        threads: for inference, of each actor; 1 where not given.
        tile: as for :func:`descale.predict`.
        progress: called with the number of photos done and of all.

    Raises:
        ConfigError: several inputs, standard input, an unknown format, or COCO, which would bring every mask
            back here.
        DataError: there is no photo.
        StudyError: Ray or fsspec is missing, or no cluster answers.
    """
    kinds = known_formats(formats)
    if len(photos) != 1 or photos[0] == STDIN:
        raise ConfigError("--ray takes one folder or URL of photos. Name the folder that holds them all.")
    if "coco" in kinds:
        raise ConfigError("--ray has no --format coco: every mask would be fetched. Use csv or json.")
    work = Work(
        bundle.resolve(), _everywhere(photos[0]), _everywhere(out), settings, engine, threads or 1, tile
    )
    if settings.page:
        require_own_page_at(work.out)
    report = predict_on_ray(work, address=address, on_photo=progress)
    manifest = open_bundle(bundle).manifest
    with tempfile.TemporaryDirectory() as scratch:
        content = TableContent(
            classes=manifest.classes,
            results=report.results,
            skipped=report.skipped,
            made_by=recorded_run(work.out),
            masks=Path(scratch),
        )
        for name in kinds:
            table = Path(scratch) / TABLES[name].file
            TABLES[name].write(table, content)
            put_table(table, work.out)
        placed = write_positions(Path(scratch), content)
        if placed is not None:
            put_table(placed, work.out)
        if settings.page:
            title = work.out.rpartition("/")[2]
            page = write_page(Path(scratch), content, title=title, positions=positions_on_page)
            put_table(page, work.out)
    tell_scale(settings.scale, report.results, manifest.provenance)
    tables = [TABLES[name].file for name in kinds] + ([] if placed is None else [placed.name])
    written = tuple(f"{work.out}/{name}" for name in tables)
    return replace(report, tables=written, page=f"{work.out}/{PAGE_FILE}" if settings.page else None)


def _everywhere(place: str) -> str:
    """A URL as it is; a path as every machine of the cluster must see it."""
    return place.rstrip("/") if "://" in place else str(Path(place).resolve())
