"""Frames of a video, by PyAV (``pip install 'descale[video]'``)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.base.content import content_of_file
from descale.base.errors import ConfigError, DataError
from descale.prediction.containers import is_complete, is_cut

logger = logging.getLogger(__name__)

VIDEO_SUFFIXES = frozenset(
    {
        ".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".3gp", ".3g2", ".mts", ".m2ts", ".m2t", ".mpg",
        ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".wmv", ".asf", ".flv", ".f4v", ".ogv", ".mxf", ".divx",
        ".qt", ".mjpg", ".mjpeg", ".h264", ".h265", ".hevc", ".264", ".265", ".avc", ".obu", ".ivf", ".y4m",
        ".nut", ".wtv", ".dav", ".amv", ".xvid", ".mk3d", ".mp2v", ".gifv", ".rm", ".rmvb", ".insv", ".dv",
    }
)  # fmt: skip
"""File name endings (lower case) that are taken for videos when a folder is listed."""
SHARED_SUFFIXES = frozenset(
    {".ts", ".tod", ".mod", ".m2p", ".trp", ".tp", ".dat", ".rec", ".360", ".lrv", ".bin"}
)
"""Endings of videos that other files have too (``.ts`` is also TypeScript): their content decides."""

_ATTACHED_PICTURE = 0x400
"""FFmpeg's mark of a cover."""
_LACKING = 0.05
"""Share of its frames or of its length that a whole video may lack: what containers state is not exact."""
_LACKING_SECONDS = 1.0
"""The same in seconds, since sound may last longer than the pictures."""


def read_frames(path: Path, step: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Every ``step``-th frame, from the first on: its number and uint8 (H, W, 3), RGB, upright.

    Raises:
        ConfigError: PyAV is not installed, or ``step`` is below 1.
        DataError: the file is no readable video, or ends before it should; the latter comes after its frames.
    """
    if step < 1:
        raise ConfigError(f"frame step {step} is below 1. With 1 every frame is taken.")
    av = _av()
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = _stream(path, container)
            stream.thread_type = "AUTO"
            count, end, broken = 0, 0.0, 0
            for frame in _decode(container, stream, av):
                if frame is None:
                    broken += 1
                    continue
                number, count, end = count, count + 1, _end(frame, stream)
                if number % step == 0:
                    yield number, _upright(frame)
            if not count:
                raise DataError(f"{path}: no frame of it can be decoded. Copy it again, or leave it out.")
            _require_whole(path, container, stream, count, end)
            if broken:
                raise DataError(
                    f"{path}: {broken} pieces of it are damaged; the {count} frames that could be read "
                    "are done. Copy it again from its source."
                )
    except av.error.FFmpegError as error:
        raise DataError(
            f"{path}: not a readable video ({error}){_really(path)}. Copy it again from its source, or "
            "leave it out."
        ) from error


def count_frames(path: Path) -> int | None:
    """Number of frames as the container states it, dropped ones included; ``None`` if it does not.

    Raises:
        ConfigError: PyAV is not installed.
    """
    av = _av()
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            streams = container.streams.video
            return int(streams[0].frames) or None if streams else None
    except av.error.FFmpegError:
        return None  # reported when its frames are read


def can_read_videos() -> bool:
    """Whether PyAV is installed."""
    return find_spec("av") is not None


def _stream(path: Path, container: Any) -> Any:
    """The film's pictures: not a cover that is kept like a second film beside them."""
    videos = list(container.streams.video)
    films = [s for s in videos if not int(s.disposition) & _ATTACHED_PICTURE] or videos
    if not films:
        raise DataError(f"{path}: there is no video in it. Leave it out.")
    best = container.streams.best("video")
    chosen = best if best in films else films[0]
    if len(films) > 1:
        logger.warning(
            "%s: %d films in one file; one is taken, of %dx%d", path, len(films), chosen.width, chosen.height
        )
    return chosen


def _decode(container: Any, stream: Any, av: Any) -> Iterator[Any]:
    """Frames, and ``None`` for each piece that cannot be decoded: what comes after it often can."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            yield None


def _require_whole(path: Path, container: Any, stream: Any, count: int, end: float) -> None:
    """Refuse a video of which clearly less was read than it states: FFmpeg takes a cut for the end.

    Any of three signs of a whole one is enough. A count may include frames that a recorder dropped or an
    editor trimmed away, sound may last longer than the pictures, and not every container states its bytes.
    """
    stated, length = int(stream.frames), _length(container, stream)
    trimmed = "mp4" in container.format.name  # its count includes what players do not show
    if stated and not trimmed:
        if count >= (1 - _LACKING) * stated:
            return
        if stream.average_rate:  # FFmpeg shortens the length of a cut AVI, but not its count
            length = max(length, float(stated / stream.average_rate))
    if not length and is_cut(path):
        raise DataError(
            f"{path}: shorter than it states, so it is cut off. The {count} frames that could be read are "
            "done; copy it again."
        )
    if end >= length - max(_LACKING * length, _LACKING_SECONDS) or is_complete(path):
        return
    read = f"{count} of {stated} frames" if stated else f"{end:.1f} of {length:.1f} seconds"
    raise DataError(
        f"{path}: only {read} could be read; it is cut off. The frames before are done; copy it again."
    )


def _length(container: Any, stream: Any) -> float:
    """Seconds as stated; 0 if unknown."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1e6


def _end(frame: Any, stream: Any) -> float:
    """When a frame ends, seconds from the beginning; infinite if it does not tell."""
    if frame.time is None:
        return float("inf")
    begin = float((stream.start_time or 0) * stream.time_base) if stream.duration else 0.0
    return float(frame.time) - begin + (float(1 / stream.average_rate) if stream.average_rate else 0.0)


def _really(path: Path) -> str:
    content = content_of_file(path)
    return "" if content is None or content.film else f": its content is {content.name}"


def _upright(frame: Any) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
    turns = round(getattr(frame, "rotation", 0) / 90) % 4  # degrees, anticlockwise
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _av() -> Any:
    try:
        import av
        import av.error
    except ModuleNotFoundError as error:
        raise ConfigError(
            "videos need the package 'av'. Install it with: pip install 'descale[video]'"
        ) from error
    return av
