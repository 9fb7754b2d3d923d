"""Predict on many photos: decoding ahead, inference, and writing behind overlap.

The outputs of a photo are complete once its record ``photos/<name>.json`` is there, which is written last. A
later run takes the record instead of predicting again, if the photo, the bundle and the settings
are the same.
"""

from __future__ import annotations

import hashlib
import json
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from descale import __version__
from descale.errors import DataError
from descale.files import write_json
from descale.runtime.photo import MAX_PIXELS
from descale.runtime.picture import Picture, Scale, share_of
from descale.runtime.render import write_colour_mask, write_id_mask, write_overlay
from descale.runtime.segmenter import Segmenter
from descale.runtime.sources import PhotoSource
from descale.runtime.summary import PhotoResult, summarise

logger = logging.getLogger(__name__)

PIXELS_IN_FLIGHT = 40_000_000  # decoded photos that wait or are worked on; one larger photo goes alone


@dataclass(frozen=True)
class PredictSettings:
    """How to predict.

    Attributes:
        scale: share of the photos' resolution at which to work, above 0 and up to 1; ``None``: photo by photo
            that at which things look as large as in the network's training.
        mm_per_pixel: side of a photo's pixel on the surface, mm, if known.
        overlay: longest side of the overlays, about, pixels; 0 writes none.
        max_pixels: larger files are refused.
        overwrite: predict again what is done.
        workers: threads that decode ahead and write behind, 1 or more.
    """

    scale: float | None = None
    mm_per_pixel: float | None = None
    overlay: int = 2048
    max_pixels: int = MAX_PIXELS
    overwrite: bool = False
    workers: int = 2


@dataclass(frozen=True)
class BatchReport:
    """What became of the photos: results in order, (photo, reason) of the skipped, number taken over."""

    results: tuple[PhotoResult, ...]
    skipped: tuple[tuple[str, str], ...]
    reused: int


@dataclass(frozen=True)
class _Opened:
    picture: Picture
    preview: Image.Image | None


def describe_run(segmenter: Segmenter, settings: PredictSettings) -> dict[str, Any]:
    """What determines the results, for the tables and for telling whether a photo is done."""
    manifest = segmenter.bundle.manifest
    scale = "as in training" if settings.scale is None else settings.scale
    return {
        "descale": __version__,
        "bundle": {"name": manifest.name, "precision": manifest.precision, "files": dict(manifest.checksums)},
        "threshold": manifest.threshold,
        "engine": segmenter.engine_name,
        "tile": segmenter.tile,
        "overlap": manifest.overlap,
        "scale": scale,
        "mm_per_pixel": settings.mm_per_pixel,
        "overlay": settings.overlay,
    }


def predict_photos(
    segmenter: Segmenter,
    sources: Iterable[PhotoSource | DataError],
    out: Path,
    settings: PredictSettings,
    *,
    on_photo: Callable[[], None] | None = None,
) -> BatchReport:
    """Write masks, colour masks, overlays and records below ``out``; a broken photo is logged and skipped.

    Args:
        segmenter: with the network loaded.
        sources: from :func:`descale.runtime.sources.iterate_sources`.
        out: folder, made if need be.
        settings: how.
        on_photo: called after each photo, done or not.

    Raises:
        DescaleError: ``out`` cannot be written.
    """
    run = describe_run(segmenter, settings)
    key = hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()
    results: dict[int, PhotoResult] = {}
    skipped: list[tuple[int, str, str]] = []
    reused = 0
    writing: deque[_Writing] = deque()

    def settle(most: int) -> None:
        while len(writing) > most:
            job = writing.popleft()
            results[job.number] = job.finish(out, key)
            if on_photo:
                on_photo()

    with (
        closing(_open_ahead(sources, out, key, settings, segmenter.scale(settings.scale))) as ahead,
        ThreadPoolExecutor(max(2, settings.workers), thread_name_prefix="write") as pool,
    ):
        for number, (source, opened) in enumerate(ahead):
            try:
                if isinstance(source, DataError):
                    raise source
                if isinstance(opened, PhotoResult):
                    results[number] = opened
                    reused += 1
                    if on_photo:
                        on_photo()
                    continue
                ready = opened.result()
                segmentation = segmenter.segment(ready.picture)
            except DataError as error:
                origin = source.origin if isinstance(source, PhotoSource) else str(error).split(":")[0]
                logger.warning("skipped %s", error)
                skipped.append((number, origin, str(error)))
                if on_photo:
                    on_photo()
                continue
            settle(settings.workers - 1)
            mask = pool.submit(segmentation.full_mask)
            # of other settings or another bundle: killed now, it would vouch for what is being overwritten
            _record(out, source.name).unlink(missing_ok=True)
            paths = {kind: out / kind / f"{source.name}{suffix}" for kind, suffix in _SUFFIXES.items()}
            jobs: list[Future[Any]] = [
                pool.submit(
                    summarise, segmentation, source.name, source.origin, mm_per_pixel=settings.mm_per_pixel
                ),
                pool.submit(write_id_mask, paths["masks"], mask.result()),
                pool.submit(write_colour_mask, paths["colours"], mask.result(), segmenter.classes),
            ]
            if ready.preview is not None:
                jobs.append(pool.submit(write_overlay, paths["overlays"], ready.preview, segmentation))
            writing.append(_Writing(number, source, jobs))
        settle(0)
    return BatchReport(
        tuple(results[number] for number in sorted(results)),
        tuple((photo, reason) for _, photo, reason in sorted(skipped)),
        reused,
    )


_SUFFIXES = {"masks": ".png", "colours": ".png", "overlays": ".jpg"}


@dataclass(frozen=True)
class _Writing:
    number: int
    source: PhotoSource
    jobs: list[Future[Any]]

    def finish(self, out: Path, key: str) -> PhotoResult:
        result, *_ = [job.result() for job in self.jobs]
        assert isinstance(result, PhotoResult)
        record = {"run": key, "stamp": self.source.stamp, "result": result.to_json()}
        write_json(_record(out, self.source.name), record)
        return result


def _record(out: Path, name: str) -> Path:
    return out / "photos" / f"{name}.json"


def _done(out: Path, key: str, source: PhotoSource) -> PhotoResult | None:
    path = _record(out, source.name)
    if source.stamp is None or not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        result = PhotoResult.from_json(record["result"])
        same = (
            record["run"] == key and tuple(record["stamp"]) == source.stamp and result.photo == source.origin
        )
    except (ValueError, TypeError, KeyError):
        logger.warning("%s: not a record of this version; the photo is predicted again", path)
        return None
    if not same:
        logger.info("%s: done before from another photo, bundle or setting; predicted again", source.origin)
        return None
    return result if (out / "masks" / f"{source.name}.png").is_file() else None


class _PixelBudget:
    """Holds back decoding while the photos in memory are larger than a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._change = threading.Condition()

    def take(self, pixels: int, stop: threading.Event) -> None:
        with self._change:
            while self._used and self._used + pixels > self._limit and not stop.is_set():
                self._change.wait(0.5)
            self._used += pixels

    def give_back(self, pixels: int) -> None:
        with self._change:
            self._used -= pixels
            self._change.notify_all()


_Item = tuple[PhotoSource | DataError, "Future[_Opened] | PhotoResult"]


def _open_ahead(
    sources: Iterable[PhotoSource | DataError], out: Path, key: str, settings: PredictSettings, scale: Scale
) -> Generator[_Item, None, None]:
    """Sources in order, each with its finished record or with the future of its decoded picture."""
    ready: queue.Queue[tuple[_Item, int] | BaseException | None] = queue.Queue(settings.workers)
    stop = threading.Event()
    budget = _PixelBudget(PIXELS_IN_FLIGHT)

    def open_one(source: PhotoSource) -> _Opened:
        picture = source.open(scale, settings.overlay, settings.max_pixels)
        return _Opened(picture, picture.preview(settings.overlay) if settings.overlay else None)

    def put(item: tuple[_Item, int] | BaseException | None) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.5)
            except queue.Full:
                continue
            return

    def produce() -> None:
        with ThreadPoolExecutor(settings.workers, thread_name_prefix="decode") as pool:
            try:
                for source in sources:
                    if stop.is_set():
                        return
                    put(_next_item(source, pool))
                put(None)
            except BaseException as error:  # handed to the consumer, which raises it
                put(error)

    def _next_item(source: PhotoSource | DataError, pool: ThreadPoolExecutor) -> tuple[_Item, int]:
        failed: Future[_Opened] = Future()
        if isinstance(source, DataError):
            return (source, failed), 0
        done = None if settings.overwrite else _done(out, key, source)
        if done is not None:
            return (source, done), 0
        try:
            whole = source.pixels(settings.max_pixels)
            pixels = max(round(whole * share_of(scale, whole) ** 2), min(whole, settings.overlay**2))
        except DataError as error:
            failed.set_exception(error)
            return (source, failed), 0
        budget.take(pixels, stop)
        return (source, pool.submit(open_one, source)), pixels

    producer = threading.Thread(target=produce, name="open-ahead", daemon=True)
    producer.start()
    try:
        while (received := ready.get()) is not None:
            if isinstance(received, BaseException):
                raise received
            item, pixels = received
            del received
            yield item
            budget.give_back(pixels)
    finally:
        stop.set()
