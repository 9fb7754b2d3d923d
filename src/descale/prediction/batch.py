"""Predict on many photos: decoding ahead, inference, and writing behind overlap.

The outputs of a photo are complete once its record is there (:mod:`descale.prediction.records`).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from descale import __version__
from descale.base.errors import ConfigError, DataError
from descale.base.photo import MAX_PIXELS
from descale.prediction.ahead import open_ahead
from descale.prediction.page.pictures import PAGE_SIZE, write_page_pictures
from descale.prediction.records import PhotoRecords
from descale.prediction.render import reduced, write_colour_mask, write_id_mask, write_overlay
from descale.prediction.results_folder import PAGE_PICTURES, PICTURES
from descale.prediction.sources import PhotoSource, UnreadSource
from descale.prediction.summary import PhotoResult, summarise
from descale.runtime.segmentation import Segmentation
from descale.runtime.segmenter import Segmenter

logger = logging.getLogger(__name__)

MOST_MM = 1e6
"""A pixel of more than a kilometre is a slip of the pen."""


@dataclass(frozen=True)
class PredictSettings:
    """How to predict.

    Attributes:
        scale: share of the photos' resolution at which to work, above 0 and up to 1; ``None``: photo by photo
            that at which things look as large as in the network's training.
        mm_per_pixel: side of a photo's pixel on the surface, mm, up to :data:`MOST_MM`, if known.
        overlay: longest side of the overlays, about, pixels; 0 writes none.
        max_megapixels: larger files are refused.
        overwrite: predict again what is done.
        workers: threads that decode ahead and write behind, 1 or more.
        page: longest side of the photos that the page shows, about, pixels; 0 writes none.

    Raises:
        ConfigError: a value is out of range.
    """

    scale: float | None = None
    mm_per_pixel: float | None = None
    overlay: int = 2048
    max_megapixels: float = MAX_PIXELS / 1e6
    overwrite: bool = False
    workers: int = 2
    page: int = PAGE_SIZE

    def __post_init__(self) -> None:
        if self.scale is not None and not 0 < self.scale <= 1:
            raise ConfigError(f"Scale {self.scale} is not a number above 0 and up to 1.")
        if self.mm_per_pixel is not None and not 0 < self.mm_per_pixel <= MOST_MM:
            raise ConfigError(
                f"{self.mm_per_pixel:g} mm per pixel (--mm-per-pixel) is not above 0 and up to {MOST_MM:g}."
            )
        if not 0 < self.max_megapixels < float("inf"):
            raise ConfigError(
                f"A limit of {self.max_megapixels} megapixels (--max-megapixels) is not above 0."
            )
        if self.overlay < 0:
            raise ConfigError(f"Overlays of {self.overlay} pixels cannot be; 0 writes none.")
        if self.page < 0:
            raise ConfigError(f"Photos of {self.page} pixels on the page cannot be; 0 writes no page.")
        if self.workers < 1:
            raise ConfigError(f"{self.workers} workers cannot decode; give 1 or more.")

    @property
    def max_pixels(self) -> int:
        """The limit in pixels."""
        return round(self.max_megapixels * 1e6)


@dataclass(frozen=True)
class BatchReport:
    """What became of the photos.

    Attributes:
        results: one per photo, in order.
        skipped: (photo, reason) of those that could not be read.
        reused: how many results are of an earlier run.
        tables: paths or URLs of the tables, if any were written.
        page: path or URL of the page, if one was written.
    """

    results: tuple[PhotoResult, ...]
    skipped: tuple[tuple[str, str], ...]
    reused: int
    tables: tuple[str, ...] = ()
    page: str | None = None


def describe_run(segmenter: Segmenter, settings: PredictSettings) -> dict[str, Any]:
    """What determines the results, for the tables and for telling whether a photo is done."""
    manifest = segmenter.bundle.manifest
    scale = "as in training" if settings.scale is None else settings.scale
    return {
        "descale": __version__,
        "bundle": {
            "name": manifest.name,
            "precision": manifest.precision,
            "files": dict(manifest.checksums),
            "classes": manifest.classes.to_json(),
            "input_size": manifest.provenance.get("input_size"),
        },
        "threshold": manifest.threshold,
        **({"patch_confidence": manifest.patch_confidence} if manifest.patch_confidence else {}),
        "engine": segmenter.engine_name,
        "tile": segmenter.tile,
        "overlap": manifest.overlap,
        "scale": scale,
        "mm_per_pixel": settings.mm_per_pixel,
        "overlay": settings.overlay,
        "page": settings.page,
    }


def predict_photos(
    segmenter: Segmenter,
    sources: Iterable[PhotoSource | UnreadSource],
    out: Path,
    settings: PredictSettings,
    *,
    on_photo: Callable[[], None] | None = None,
) -> BatchReport:
    """Write masks, colour masks, overlays, the page's pictures and records below ``out``.

    A broken photo is logged and skipped.

    Args:
        segmenter: with the network loaded.
        sources: from :func:`descale.prediction.sources.iterate_sources`.
        out: folder, made if need be.
        settings: how.
        on_photo: called after each photo, done or not.

    Raises:
        DescaleError: ``out`` cannot be written.
    """
    wanted = {kind: suffix for kind, suffix in PICTURES.items() if kind != "overlays" or settings.overlay}
    wanted |= PAGE_PICTURES if settings.page else {}
    records = PhotoRecords(out, describe_run(segmenter, settings), wanted)
    results: dict[int, PhotoResult] = {}
    skipped: list[tuple[int, str, str]] = []
    reused = 0
    writing: deque[_Writing] = deque()

    def settle(most: int) -> None:
        while len(writing) > most:
            job = writing.popleft()
            results[job.number] = job.finish(records)
            if on_photo:
                on_photo()

    coming = open_ahead(
        sources,
        lambda source: None if settings.overwrite else records.find(source),
        segmenter.scale(settings.scale),
        preview=max(settings.overlay, settings.page),
        max_pixels=settings.max_pixels,
        workers=settings.workers,
    )
    with (
        closing(coming) as ahead,
        ThreadPoolExecutor(max(2, settings.workers), thread_name_prefix="write") as pool,
    ):
        for number, (source, opened) in enumerate(ahead):
            try:
                if isinstance(source, UnreadSource):
                    raise source.error
                if isinstance(opened, PhotoResult):
                    results[number] = opened
                    reused += 1
                    if on_photo:
                        on_photo()
                    continue
                ready = opened.result()
                segmentation = segmenter.segment(ready.picture)
            except DataError as error:
                origin = source.origin
                logger.warning("skipped %s", error)
                skipped.append((number, origin, str(error)))
                if on_photo:
                    on_photo()
                continue
            settle(settings.workers - 1)
            # of other settings or another bundle: killed now, it would vouch for what is being overwritten
            records.forget(source)
            paths = {kind: out / kind / f"{source.name}{suffix}" for kind, suffix in wanted.items()}
            measuring = pool.submit(_measure, segmentation, source, settings.mm_per_pixel)
            jobs = [measuring, *begin_pictures(pool, paths, segmentation, ready.preview, settings)]
            writing.append(_Writing(number, source, jobs))
        settle(0)
    return BatchReport(
        tuple(results[number] for number in sorted(results)),
        tuple((photo, reason) for _, photo, reason in sorted(skipped)),
        reused,
    )


def begin_pictures(
    pool: Executor,
    paths: Mapping[str, Path],
    segmentation: Segmentation,
    preview: Image.Image | None,
    settings: PredictSettings,
) -> list[Future[Any]]:
    """Begin to write what is wanted of a photo, and return the work that is under way.

    Args:
        pool: that writes.
        paths: where each kind of picture goes; kinds that are not there are not written.
        segmentation: of the photo.
        preview: the photo, small; without it neither an overlay nor a picture for the page is drawn.
        settings: how large.
    """
    mask = segmentation.full_mask()
    jobs: list[Future[Any]] = [
        pool.submit(write_id_mask, paths["masks"], mask),
        pool.submit(write_colour_mask, paths["colours"], mask, segmentation.classes),
    ]
    if preview is not None and settings.overlay:
        smaller = reduced(preview, settings.overlay)
        jobs.append(pool.submit(write_overlay, paths["overlays"], smaller, segmentation))
    if preview is not None and settings.page:
        pictures = {kind: paths[kind] for kind in PAGE_PICTURES}
        jobs.append(pool.submit(write_page_pictures, pictures, preview, segmentation, settings.page))
    return jobs


def _measure(segmentation: Segmentation, source: PhotoSource, mm_per_pixel: float | None) -> PhotoResult:
    return summarise(
        segmentation, source.name, source.origin, mm_per_pixel=mm_per_pixel, position=source.position(),
        file_bytes=None if source.stamp is None else source.stamp[0],
    )  # fmt: skip


@dataclass(frozen=True)
class _Writing:
    number: int
    source: PhotoSource
    jobs: list[Future[Any]]

    def finish(self, records: PhotoRecords) -> PhotoResult:
        result, *_ = [job.result() for job in self.jobs]
        assert isinstance(result, PhotoResult)
        records.write(self.source, result)
        return result
