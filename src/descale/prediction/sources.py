"""Photos and frames to predict on, one after the other, none decoded before its turn."""

from __future__ import annotations

import io
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from descale.base.errors import DataError
from descale.base.photo import photo_size
from descale.base.walk import composed
from descale.prediction.inputs import STDIN, Input
from descale.prediction.position import Position, position_of
from descale.prediction.video import count_frames, read_frames
from descale.runtime.opening import decoded_pixels, open_picture
from descale.runtime.picture import Picture, Scale, share_of

_FRAME = re.compile(r"(?P<film>.+)@\d{6,}")
"""How outputs of a film's frames are named."""


@dataclass(frozen=True)
class PhotoSource:
    """One photo or one frame of a video, not decoded yet.

    Attributes:
        name: of its outputs, relative, without suffix.
        origin: where it came from, for tables and messages.
        stamp: size and time of change of the file; ``None`` for standard input.
        open: ``open(scale, detail, max_pixels)`` decodes it, as
            :func:`descale.runtime.opening.open_picture` does.
        pixels: ``pixels(scale, detail, max_pixels)`` that are in memory while it is opened so, from its
            header.
        position: where it was taken, from its header, if that tells.
    """

    name: str
    origin: str
    stamp: tuple[int, int] | None
    open: Callable[[Scale, int, int], Picture]
    pixels: Callable[[Scale, int, int], int]
    position: Callable[[], Position | None]


@dataclass(frozen=True)
class UnreadSource:
    """A film that cannot be read, or no further: where it is, and why."""

    origin: str
    error: DataError


def count_sources(inputs: Sequence[Input], frame_step: int) -> int | None:
    """Number of photos and frames, or ``None`` if a video does not tell its length."""
    total = 0
    for item in inputs:
        frames = count_frames(item.path) if item.is_video else 1
        if frames is None:
            return None
        total += -(-frames // frame_step) if item.is_video else 1
    return total


def first_size(inputs: Sequence[Input], scale: Scale, max_pixels: int) -> tuple[int, int]:
    """Height and width at the working scale of the first photo that will be taken; 1, 1 without one."""
    for item in inputs:
        if item.is_video or str(item.path) == STDIN:
            break
        try:
            height, width = photo_size(item.path, max_pixels=max_pixels)
        except DataError:
            continue  # reported when it is its turn
        share = share_of(scale, height * width)
        return max(1, round(height * share)), max(1, round(width * share))
    return 1, 1


def iterate_sources(inputs: Sequence[Input], frame_step: int) -> Iterator[PhotoSource | UnreadSource]:
    """Photos and every ``frame_step``-th frame of videos, in order; videos are decoded on the way.

    A video that cannot be read comes with the error, so that the rest goes on.
    """
    for item, name in zip(inputs, output_names(inputs), strict=True):
        if str(item.path) == STDIN:
            yield _standard_input(name)
            continue
        if not item.is_video:
            yield _photo(item.path, name)
            continue
        try:
            stamp = _stamp(item.path)
            for number, pixels in read_frames(item.path, frame_step):
                yield _frame(pixels, f"{name}@{number:06d}", f"{item.path}#{number}", stamp)
        except DataError as error:
            yield UnreadSource(str(item.path), error)


def output_names(inputs: Sequence[Input]) -> list[str]:
    """A name for each input, relative and without suffix; equal ones get suffix, then folder added.

    So do photos that are called as a frame of one of the films will be.

    >>> output_names([Input(Path("a/x.jpg"), Path("a")), Input(Path("a/x.png"), Path("a"))])
    ['x_jpg', 'x_png']
    """
    films = [item.is_video for item in inputs]
    levels = []
    for item in inputs:
        if str(item.path) == STDIN:
            levels.append(["stdin"] * 4)
            continue
        inner = Path(item.path.name)
        if item.root is not None and item.path.is_relative_to(item.root):
            below = item.path.relative_to(item.root)
            inner = inner if ".." in below.parts else below  # a pattern may lead up again
        plain = inner.with_suffix("").as_posix()
        ending = item.path.suffix[1:] or "file"
        typed = f"{plain}_{ending}"
        whole = "_".join(part for part in item.path.with_suffix("").parts if part not in ("/", "..", "."))
        levels.append([plain, typed, f"{item.path.parent.name}_{typed}", f"{whole}_{ending}"])
    chosen = [0] * len(levels)
    for level in range(3):
        names = [_alike(entry[at]) for entry, at in zip(levels, chosen, strict=True)]
        counts = Counter(names)
        of_films = {name for name, film in zip(names, films, strict=True) if film}
        for i, name in enumerate(names):
            frame = None if films[i] else _FRAME.fullmatch(name)
            taken = counts[name] > 1 or (frame is not None and frame["film"] in of_films)
            if taken and chosen[i] == level:
                chosen[i] = level + 1
    return _distinct([entry[at] for entry, at in zip(levels, chosen, strict=True)])


def _distinct(names: Sequence[str]) -> list[str]:
    """Number what some disk or archive would take for equal: ``x``, ``x_2``.

    >>> _distinct(["x", "X", "x_2"])
    ['x', 'X_3', 'x_2']
    """
    used = {_alike(name) for name in names}
    seen: set[str] = set()
    found = []
    for name in names:
        free, number = name, 2
        while _alike(free) in seen or (free != name and _alike(free) in used):
            free, number = f"{name}_{number}", number + 1
        seen.add(_alike(free))
        found.append(free)
    return found


def _alike(name: str) -> str:
    """The same for names that some disk or archive would not tell apart: case, accents, backslashes."""
    return composed(composed(name).casefold()).replace("\\", "/")


def _photo(path: Path, name: str) -> PhotoSource:
    return PhotoSource(
        name,
        str(path),
        _stamp(path),
        lambda scale, detail, limit: open_picture(path, scale=scale, detail=detail, max_pixels=limit),
        lambda scale, detail, limit: decoded_pixels(path, scale=scale, detail=detail, max_pixels=limit),
        lambda: position_of(path),
    )


def _frame(pixels: NDArray[np.uint8], name: str, origin: str, stamp: tuple[int, int] | None) -> PhotoSource:
    return PhotoSource(
        name,
        origin,
        stamp,
        lambda scale, detail, limit: open_picture(pixels, scale=scale, detail=detail, name=origin),
        lambda scale, detail, limit: pixels.shape[0] * pixels.shape[1],
        lambda: None,
    )


def _standard_input(name: str) -> PhotoSource:
    content = sys.stdin.buffer.read()
    return PhotoSource(
        name,
        "standard input",
        None,
        lambda scale, detail, limit: open_picture(
            _stream(content), scale=scale, detail=detail, max_pixels=limit
        ),
        lambda scale, detail, limit: decoded_pixels(
            _stream(content), scale=scale, detail=detail, max_pixels=limit
        ),
        lambda: position_of(_stream(content)),
    )


def _stream(content: bytes) -> io.BytesIO:
    if not content:
        raise DataError("standard input is empty (0 bytes). Pipe a photo into it.")
    stream = io.BytesIO(content)
    stream.name = "standard input"
    return stream


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:  # reported when the file is opened
        return None
    return state.st_size, state.st_mtime_ns
