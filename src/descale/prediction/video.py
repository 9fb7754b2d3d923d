"""Frames of a video, by PyAV (``pip install 'descale[video]'``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.base.errors import ConfigError, DataError

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm"})

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
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise DataError(f"{path}: there is no video in it. Leave it out.")
            container.streams.video[0].thread_type = "AUTO"
            count, end = 0, 0.0
            for number, frame in enumerate(container.decode(video=0)):
                count, end = number + 1, _end(frame, container)
                if number % step == 0:
                    yield number, _upright(frame)
            _require_whole(path, container, count, end)
    except av.error.FFmpegError as error:
        raise DataError(
            f"{path}: not a readable video ({error}). Copy it again from its source, or leave it out."
        ) from error


def count_frames(path: Path) -> int | None:
    """Number of frames as the container states it; ``None`` if it does not, or cannot be read.

    Raises:
        ConfigError: PyAV is not installed.
    """
    av = _av()
    try:
        with av.open(str(path)) as container:
            streams = container.streams.video
            return int(streams[0].frames) or None if streams else None
    except av.error.FFmpegError:
        return None  # reported when its frames are read


def _require_whole(path: Path, container: Any, count: int, end: float) -> None:
    """Refuse a video of which clearly less was read than it states: FFmpeg takes a cut for the end."""
    stated, length = int(container.streams.video[0].frames), _length(container)
    if stated and "mp4" not in container.format.name:
        whole = count >= (1 - _LACKING) * stated
    else:  # no count, or one that includes what an editor trimmed away and players do not show
        whole = count > 0 and end >= length - max(_LACKING * length, _LACKING_SECONDS)
    read = f"{count} of {stated} frames" if stated else f"{end:.1f} of {length:.1f} seconds"
    if not whole:
        raise DataError(
            f"{path}: only {read} could be read; it is cut off. The frames before are done; copy it again."
        )


def _length(container: Any) -> float:
    """Seconds as stated; 0 if unknown."""
    stream = container.streams.video[0]
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1e6


def _end(frame: Any, container: Any) -> float:
    """When a frame ends, seconds from the beginning; infinite if it does not tell."""
    stream = container.streams.video[0]
    if frame.time is None:
        return float("inf")
    begin = float((stream.start_time or 0) * stream.time_base) if stream.duration else 0.0
    return float(frame.time) - begin + (float(1 / stream.average_rate) if stream.average_rate else 0.0)


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
