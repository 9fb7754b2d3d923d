"""Frames of a video, by PyAV (``pip install 'descale[video]'``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.errors import ConfigError, DataError

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm"})


def read_frames(path: Path, step: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Every ``step``-th frame, from the first on: its number and uint8 (H, W, 3), RGB, upright.

    Raises:
        ConfigError: PyAV is not installed, or ``step`` is below 1.
        DataError: the file is no readable video.
    """
    if step < 1:
        raise ConfigError(f"frame step {step} is below 1. With 1 every frame is taken.")
    av = _av()
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise DataError(f"{path}: there is no video in it. Leave it out.")
            container.streams.video[0].thread_type = "AUTO"
            for number, frame in enumerate(container.decode(video=0)):
                if number % step == 0:
                    yield number, _upright(frame)
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
