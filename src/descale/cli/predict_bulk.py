"""``descale predict --ray``: a folder or bucket of photos on a cluster."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from descale.base.errors import ConfigError
from descale.cli.predict import conclude, progress_bar, tell_scale

if TYPE_CHECKING:
    from descale.prediction.batch import PredictSettings


def predict_bulk(
    bundle: Path,
    photos: Sequence[str],
    out: str,
    settings: PredictSettings,
    formats: Sequence[str],
    *,
    address: str,
    engine: str,
    threads: int | None,
    tile: int | None,
) -> None:
    """Predict on a Ray cluster and put the tables beside the results.

    Raises:
        ConfigError: several inputs, standard input, or COCO, which would bring every mask back here.
        PartialFailure: photos were skipped.
        StudyError: Ray or fsspec is missing, or no cluster answers.
    """
    from descale.cluster.bulk import Work, predict_on_ray, put_table, recorded_run
    from descale.prediction.inputs import STDIN
    from descale.prediction.tables import TABLES, TableContent
    from descale.runtime.bundle import open_bundle

    if len(photos) != 1 or photos[0] == STDIN:
        raise ConfigError("--ray takes one folder or URL of photos. Name the folder that holds them all.")
    if "coco" in formats:
        raise ConfigError("--ray has no --format coco: every mask would be fetched. Use csv or json.")
    work = Work(
        bundle.resolve(), _everywhere(photos[0]), _everywhere(out), settings, engine, threads or 1, tile
    )
    with progress_bar() as progress:
        task = progress.add_task("predict", total=None)
        report = predict_on_ray(
            work,
            address=address,
            on_photo=lambda done, total: progress.update(task, completed=done, total=total),
        )
    manifest = open_bundle(bundle).manifest
    with tempfile.TemporaryDirectory() as scratch:
        content = TableContent(
            classes=manifest.classes,
            results=report.results,
            skipped=report.skipped,
            made_by=recorded_run(work.out),
            masks=Path(scratch),
        )
        for name in formats:
            table = Path(scratch) / TABLES[name].file
            TABLES[name].write(table, content)
            put_table(table, work.out)
    tell_scale(settings.scale, report.results, manifest.provenance)
    conclude(report, [f"{work.out}/{TABLES[name].file}" for name in formats])


def _everywhere(place: str) -> str:
    """A URL as it is; a path as every machine of the cluster must see it."""
    return place.rstrip("/") if "://" in place else str(Path(place).resolve())
