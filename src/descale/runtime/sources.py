"""What to predict on: photos, folders, globs, videos, standard input."""

from __future__ import annotations

import glob
import io
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from descale.errors import DataError
from descale.runtime.photo import PHOTO_SUFFIXES, photo_size
from descale.runtime.picture import Picture, Scale, open_picture, share_of
from descale.runtime.video import VIDEO_SUFFIXES, count_frames, read_frames

STDIN = "-"


@dataclass(frozen=True)
class PhotoSource:
    """One photo or one frame of a video, not decoded yet.

    Attributes:
        name: of its outputs, relative, without suffix.
        origin: where it came from, for tables and messages.
        stamp: size and time of change of the file; ``None`` for standard input.
        open: ``open(scale, detail, max_pixels)`` decodes it, as
            :func:`descale.runtime.picture.open_picture` does.
        pixels: ``pixels(max_pixels)`` of the photo, from its header.
    """

    name: str
    origin: str
    stamp: tuple[int, int] | None
    open: Callable[[Scale, int, int], Picture]
    pixels: Callable[[int], int]


@dataclass(frozen=True)
class Input:
    """One file (or standard input) that was asked for, by argument or as part of a folder."""

    path: Path
    root: Path

    @property
    def is_video(self) -> bool:
        """By its suffix."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


def find_inputs(arguments: Sequence[str], *, exclude: Path | None = None) -> list[Input]:
    """Resolve arguments to files: folders are searched to any depth, patterns are expanded.

    Args:
        arguments: files, folders, glob patterns (``**`` allowed), or ``-``.
        exclude: folder that is left out, so that outputs inside the photos' folder are not read again.

    Raises:
        DataError: a file does not exist, or a folder or a pattern holds no photo.
    """
    found: dict[Path, Input] = {}  # each file once, in order
    for argument in arguments:
        path = Path(argument)
        if argument == STDIN:
            files = [path]
        elif path.is_dir():
            files = _listed(path.rglob("*"), path, exclude)
            if not files:
                raise DataError(
                    f"{path}: a folder without photos ({', '.join(sorted(PHOTO_SUFFIXES))}) or videos. "
                    "Name the folder that holds them."
                )
        elif path.exists():
            files = [path]
        elif glob.has_magic(argument):
            files = _listed((Path(name) for name in glob.glob(argument, recursive=True)), None, exclude)
            if not files:
                raise DataError(f"{argument}: no photo or video matches this pattern. Check the folder.")
        else:
            raise DataError(f"{path}: no such file or folder. Check the path.")
        root = path if path.is_dir() else Path()
        for file in files:
            found.setdefault(file, Input(file, root))
    return list(found.values())


def _listed(paths: Iterator[Path], root: Path | None, exclude: Path | None) -> list[Path]:
    barred = exclude.resolve() if exclude is not None else None
    return sorted(
        path
        for path in paths
        if path.suffix.lower() in PHOTO_SUFFIXES | VIDEO_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in (path.relative_to(root) if root else path).parts[:-1])
        and not path.name.startswith(".")
        and (barred is None or not path.resolve().is_relative_to(barred))
    )


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


def iterate_sources(inputs: Sequence[Input], frame_step: int) -> Iterator[PhotoSource | DataError]:
    """Photos and every ``frame_step``-th frame of videos, in order; videos are decoded on the way.

    A video that cannot be read comes as the error, so that the rest goes on.
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
            yield error


def output_names(inputs: Sequence[Input]) -> list[str]:
    """A name for each input, relative and without suffix; equal ones get suffix, then folder added.

    >>> output_names([Input(Path("a/x.jpg"), Path("a")), Input(Path("a/x.png"), Path("a"))])
    ['x_jpg', 'x_png']
    """
    levels = []
    for item in inputs:
        if str(item.path) == STDIN:
            levels.append(["stdin"] * 4)
            continue
        in_folder = item.root != Path() and item.path.is_relative_to(item.root)
        inner = item.path.relative_to(item.root) if in_folder else Path(item.path.name)
        plain = inner.with_suffix("").as_posix()
        typed = f"{plain}_{item.path.suffix[1:]}"
        whole = "_".join(part for part in item.path.with_suffix("").parts if part not in ("/", "..", "."))
        levels.append([plain, typed, f"{item.path.parent.name}_{typed}", f"{whole}_{item.path.suffix[1:]}"])
    chosen = [0] * len(levels)
    for level in range(3):
        names = [entry[at].casefold() for entry, at in zip(levels, chosen, strict=True)]
        counts = Counter(names)
        for i, name in enumerate(names):
            if counts[name] > 1 and chosen[i] == level:
                chosen[i] = level + 1
    return _distinct([entry[at] for entry, at in zip(levels, chosen, strict=True)])


def _distinct(names: Sequence[str]) -> list[str]:
    """Number what is still equal, letter case aside: ``x``, ``x_2``.

    >>> _distinct(["x", "X", "x_2"])
    ['x', 'X_3', 'x_2']
    """
    used = {name.casefold() for name in names}
    seen: set[str] = set()
    found = []
    for name in names:
        free, number = name, 2
        while free.casefold() in seen or (free != name and free.casefold() in used):
            free, number = f"{name}_{number}", number + 1
        seen.add(free.casefold())
        found.append(free)
    return found


def _photo(path: Path, name: str) -> PhotoSource:
    def pixels(limit: int) -> int:
        height, width = photo_size(path, max_pixels=limit)
        return height * width

    return PhotoSource(
        name,
        str(path),
        _stamp(path),
        lambda scale, detail, limit: open_picture(path, scale=scale, detail=detail, max_pixels=limit),
        pixels,
    )


def _frame(pixels: NDArray[np.uint8], name: str, origin: str, stamp: tuple[int, int] | None) -> PhotoSource:
    return PhotoSource(
        name,
        origin,
        stamp,
        lambda scale, detail, limit: open_picture(pixels, scale=scale, detail=detail, name=origin),
        lambda limit: pixels.shape[0] * pixels.shape[1],
    )


def _standard_input(name: str) -> PhotoSource:
    content = sys.stdin.buffer.read()

    def pixels(limit: int) -> int:
        height, width = photo_size(_stream(content), max_pixels=limit)
        return height * width

    return PhotoSource(
        name,
        "standard input",
        None,
        lambda scale, detail, limit: open_picture(
            _stream(content), scale=scale, detail=detail, max_pixels=limit
        ),
        pixels,
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
