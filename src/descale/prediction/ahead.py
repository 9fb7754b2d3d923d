"""Decoding ahead of inference, within a limit on the pixels that wait."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from descale.base.errors import DataError
from descale.prediction.sources import PhotoSource, UnreadSource
from descale.prediction.summary import PhotoResult
from descale.runtime.picture import Picture, Scale

PIXELS_IN_FLIGHT = 40_000_000
"""Decoded pixels that wait or are worked on; one larger photo goes alone."""


@dataclass(frozen=True)
class Opened:
    """A decoded photo, and a small copy where overlays or a page are drawn."""

    picture: Picture
    preview: Image.Image | None


Ahead = tuple[PhotoSource | UnreadSource, "Future[Opened] | PhotoResult"]
"""A photo or why there is none; its decoded picture to come, or the result of an earlier run."""


def open_ahead(
    sources: Iterable[PhotoSource | UnreadSource],
    finished: Callable[[PhotoSource], PhotoResult | None],
    scale: Scale,
    *,
    preview: int,
    max_pixels: int,
    workers: int,
) -> Generator[Ahead, None, None]:
    """Photos in order, decoded in the background; those that are ``finished`` are not decoded.

    Args:
        sources: from :func:`descale.prediction.sources.iterate_sources`.
        finished: the result of a photo that needs no work, or ``None``.
        scale: share of the resolution at which to decode.
        preview: longest side of the previews, pixels; 0 makes none.
        max_pixels: larger files are refused.
        workers: threads that decode, 1 or more.
    """
    ready: queue.Queue[tuple[Ahead, int] | BaseException | None] = queue.Queue(workers)
    stop = threading.Event()
    budget = _PixelBudget(PIXELS_IN_FLIGHT)

    def open_one(source: PhotoSource) -> Opened:
        picture = source.open(scale, preview, max_pixels)
        return Opened(picture, picture.preview(preview) if preview else None)

    def put(item: tuple[Ahead, int] | BaseException | None) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.5)
            except queue.Full:
                continue
            return

    def produce() -> None:
        with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
            try:
                for source in sources:
                    if stop.is_set():
                        return
                    put(next_item(source, pool))
                put(None)
            except BaseException as error:  # handed to the consumer, which raises it
                put(error)

    def next_item(source: PhotoSource | UnreadSource, pool: ThreadPoolExecutor) -> tuple[Ahead, int]:
        failed: Future[Opened] = Future()
        if isinstance(source, UnreadSource):
            return (source, failed), 0
        done = finished(source)
        if done is not None:
            return (source, done), 0
        try:
            pixels = source.pixels(scale, preview, max_pixels)
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
