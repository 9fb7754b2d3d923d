"""Videos made by code."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FRAMES, RATE = 60, 10


def write_clip(
    path: Path, *, codec: str = "mpeg4", container: str | None = None, rate: int = RATE, title: str = ""
) -> Path:
    """Sixty frames of noise, so that all have about the same number of bytes; 6 seconds at ``RATE``."""
    import av

    generator = np.random.default_rng(0)
    # the index first, as cameras and platforms write it; without it a cut mp4 cannot be opened at all
    options = {"movflags": "faststart"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", format=container, options=options) as film:
        if title:
            film.metadata["title"] = title
        stream = film.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(FRAMES):
            pixels = generator.integers(0, 256, (48, 64, 3), np.uint8)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        film.mux(stream.encode())
    return path


def cut(path: Path, share: float) -> None:
    """Leave the first ``share`` of a file's bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: round(share * len(content))])
