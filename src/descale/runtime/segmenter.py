"""From a bundle and a photo to a mask."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from descale.base.classes import ClassTable
from descale.base.errors import BundleError, ConfigError
from descale.base.machine import usable_cores
from descale.base.photo import MAX_PIXELS
from descale.runtime.bundle import Bundle, open_bundle
from descale.runtime.decide import FaintPatches, Values, decision
from descale.runtime.engines import Engine, choose_engine, open_engine
from descale.runtime.opening import open_picture
from descale.runtime.picture import Picture, Scale, Source
from descale.runtime.segmentation import LARGE_PIXELS, MaskRows, Segmentation
from descale.runtime.tiling import Span, TilePlan, blend, cut_tile, plan_tiles
from descale.runtime.working_scale import scale_for, training_pixels

logger = logging.getLogger(__name__)


class Segmenter:
    """Segments photos with the network of a bundle.

    >>> import descale                                                      # doctest: +SKIP
    >>> segmenter = descale.Segmenter.from_bundle("small.zip")              # doctest: +SKIP
    >>> segmentation = segmenter("photos/test/images/00006.jpg")            # doctest: +SKIP
    >>> segmentation.corrosion().shape                                      # doctest: +SKIP
    (64, 64)
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        engine: str = "auto",
        threads: int | None = None,
        tile: int | None = None,
        expect: tuple[int, int] = (1, 1),
    ) -> None:
        """Load the network.

        Args:
            bundle: from :func:`descale.runtime.open_bundle`.
            engine: ``auto``, ``openvino`` or ``onnxruntime``.
            threads: for inference; by default all cores this process may use.
            tile: largest side of a tile in pixels, in place of the bundle's; smaller takes less memory.
            expect: height and width of the first photo, if known. The network is set up in one way for photos
                of one tile and in another for larger ones; the wrong one is loaded in vain.

        Raises:
            ConfigError: the engine is unknown or not installed, or there are no threads.
            BundleError: the network cannot be loaded or does not fit the class table.
        """
        if threads is not None and threads < 1:
            raise ConfigError(f"{threads} threads (--threads) compute nothing; give 1 or more.")
        manifest = bundle.manifest
        self.bundle = bundle
        self.threads = threads or usable_cores()
        self.engine_name = choose_engine(bundle, engine)
        self.tile = tile if tile is not None else manifest.tile
        if self.tile % manifest.stride or self.tile < 4 * manifest.overlap or self.tile < manifest.stride:
            least = max(manifest.stride, 4 * manifest.overlap)
            raise BundleError(
                f"tile {self.tile}: this bundle needs a multiple of {manifest.stride} from {least} pixels on."
            )
        self._engines: dict[int, Engine] = {}
        self._scale_unknown_told = False
        self._loading = threading.Lock()
        self.engine(self._plan(*expect)[1])

    @classmethod
    def from_bundle(
        cls,
        path: str | Path,
        engine: str = "auto",
        *,
        threads: int | None = None,
        tile: int | None = None,
        expect: tuple[int, int] = (1, 1),
    ) -> Segmenter:
        """Open and verify a bundle (folder or zip) and load its network; arguments as of the constructor."""
        return cls(open_bundle(path), engine=engine, threads=threads, tile=tile, expect=expect)

    @property
    def classes(self) -> ClassTable:
        """Meaning of the ids in the masks."""
        return self.bundle.manifest.classes

    def __call__(
        self,
        image: Source,
        *,
        scale: float | None = None,
        max_pixels: int = MAX_PIXELS,
        name: str | None = None,
    ) -> Segmentation:
        """Segment one photo.

        Args:
            image: a file, a binary stream, or uint8 (H, W, 3) RGB.
            scale: share of the resolution at which to work, above 0 and up to 1; by default that at which
                things look as large as in training. The result tells the photo's own size.
            max_pixels: larger files are refused before they are decoded.
            name: for messages.

        Raises:
            DataError: not a photo, or a broken one.
        """
        return self.segment(open_picture(image, scale=self.scale(scale), max_pixels=max_pixels, name=name))

    def scale(self, asked: float | None = None) -> Scale:
        """What :func:`descale.runtime.opening.open_picture` takes: ``asked``, or by photo as in training."""
        provenance = self.bundle.manifest.provenance
        if asked is None and training_pixels(provenance) is None and not self._scale_unknown_told:
            self._scale_unknown_told = True
            logger.warning(
                "%s does not tell the input size of its training; photos are taken at their own size.",
                self.bundle.path,
            )
        return scale_for(provenance, asked)

    def segment(self, picture: Picture) -> Segmentation:
        """Segment a picture and release it: make its preview before."""
        manifest = self.bundle.manifest
        rule = decision(len(self.classes), manifest.threshold)
        rows = MaskRows(picture.height, picture.width)
        faint = FaintPatches(picture.height, picture.width, self._patch_confidence)
        confident, counted = 0.0, 0
        seconds = {"decode": picture.seconds, "prepare": 0.0, "infer": 0.0, "decide": 0.0}
        blocks = self._blocks(picture, rule.reduce, seconds)
        for top, left, values in blocks:
            start = time.perf_counter()
            ids, probabilities = rule.decide(values)
            rows.put(top, left, ids)
            faint.put(top, left, values)
            confident += float(probabilities.sum(dtype=np.float64))
            counted += probabilities.size
            seconds["decide"] += time.perf_counter() - start
        picture.release()
        if not math.isfinite(confident):
            raise BundleError(
                f"{self.bundle.path}: the network gives numbers that are none for {picture.name}. Export the "
                "bundle again, or try another engine (--engine)."
            )
        start = time.perf_counter()
        mask = rows.assemble()
        left_out = faint.drop_from(mask)
        seconds["decide"] += time.perf_counter() - start
        return Segmentation(
            self.classes, mask, confident / counted, picture.frame, self.engine_name, seconds, left_out
        )

    @property
    def _patch_confidence(self) -> float:
        """Least mean probability of a patch: of two classes one of which is corrosion."""
        return self.bundle.manifest.patch_confidence if len(self.classes) == 2 else 0.0

    def logits(self, image: Source, *, scale: float | None = None) -> Values:
        """Blended logits of a whole photo: float32 (K, H, W). For inspection; memory grows with the photo."""
        picture = open_picture(image, scale=self.scale(scale))
        result = np.empty((len(self.classes), picture.height, picture.width), np.float32)
        seconds = {"prepare": 0.0, "infer": 0.0, "decide": 0.0}
        for top, left, values in self._blocks(picture, np.copy, seconds):
            result[:, top : top + values.shape[1], left : left + values.shape[2]] = values
        return result

    def engine(self, streams: int) -> Engine:
        """The loaded network, set up for ``streams`` runs at once on ``threads`` threads in all."""
        with self._loading:
            if streams not in self._engines:
                self._engines[streams] = open_engine(
                    self.bundle, self.engine_name, threads=self.threads, streams=streams
                )
            return self._engines[streams]

    def _blocks(
        self, picture: Picture, reduce: Callable[[Values], Values], seconds: dict[str, float]
    ) -> Iterator[tuple[int, int, Values]]:
        plan, streams = self._plan(picture.height, picture.width)
        if picture.height * picture.width > LARGE_PIXELS:
            megapixels = picture.height * picture.width / 1e6
            logger.info("%s: %.0f megapixels, so smaller tiles", picture.name, megapixels)
        engine = self.engine(streams)
        lock = threading.Lock()

        def run(box: tuple[Span, Span]) -> Values:
            times = [time.perf_counter()]
            tile = _tile_of(picture, plan, box)
            times.append(time.perf_counter())
            logits = engine.run(tile)
            times.append(time.perf_counter())
            if logits.shape[1] != len(self.classes):
                raise BundleError(
                    f"{self.bundle.path}: the class table has {len(self.classes)} classes, the network "
                    f"gives {logits.shape[1]} channels. Export the bundle again."
                )
            values = reduce(logits[0])
            times.append(time.perf_counter())
            with lock:
                for step, begin, end in zip(("prepare", "infer", "decide"), times, times[1:], strict=False):
                    seconds[step] += end - begin
            return values

        yield from blend(plan, _in_order(run, plan.boxes(), streams))

    def _plan(self, height: int, width: int) -> tuple[TilePlan, int]:
        """Tiles of a photo, and how many of them are worked on at once."""
        manifest = self.bundle.manifest
        tile, streams = self.tile, self.threads
        if height * width > LARGE_PIXELS:
            # The decoded photo takes most of the memory; smaller tiles, one at a time, take little more.
            tile, streams = max(4 * manifest.overlap, tile // 2 // manifest.stride * manifest.stride), 1
        plan = plan_tiles(height, width, tile=tile, overlap=manifest.overlap, stride=manifest.stride)
        # Several tiles: one per core scales better than several cores on one tile, and cutting
        # and deciding go on beside inference.
        return plan, streams if len(plan.boxes()) >= 2 * streams else 1


def _tile_of(picture: Picture, plan: TilePlan, box: tuple[Span, Span]) -> NDArray[np.uint8]:
    rows, columns = box
    pixels = picture.region(
        rows.start, min(rows.stop, plan.height), columns.start, min(columns.stop, plan.width)
    )
    return cut_tile(pixels, rows, columns)


def _in_order(
    run: Callable[[tuple[Span, Span]], Values], boxes: Iterable[tuple[Span, Span]], streams: int
) -> Iterator[Values]:
    """Results in order, with at most ``streams + 1`` tiles in flight."""
    if streams == 1:
        yield from map(run, boxes)
        return
    waiting: deque[Future[Values]] = deque()
    with ThreadPoolExecutor(streams, thread_name_prefix="tile") as pool:
        try:
            for box in boxes:
                waiting.append(pool.submit(run, box))
                if len(waiting) > streams:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
