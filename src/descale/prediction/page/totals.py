"""What all photos of a job come to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from descale.prediction.ratings import ISO_DEGREES
from descale.prediction.summary import PhotoResult

_FRAME = re.compile(r"(?P<video>.+)#(?P<number>\d+)")


@dataclass(frozen=True)
class Totals:
    """Sums over the photos of a job.

    Attributes:
        photos: photos and frames that were predicted.
        frames, videos: how many of them are frames, and of how many videos.
        corroded: how many show any corrosion.
        corroded_percent: share of all pixels; ``None`` without photos.
        median_percent: of the photos' own shares; ``None`` without photos.
        corroded_cm2: if the scale on site is known.
        patches: connected corroded patches.
        degrees: photos of each degree of ISO 4628-3, 0 to 5.
    """

    photos: int
    frames: int
    videos: int
    corroded: int
    corroded_percent: float | None
    median_percent: float | None
    corroded_cm2: float | None
    patches: int
    degrees: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"degrees": list(self.degrees)}


def add_up(results: Sequence[PhotoResult]) -> Totals:
    """The totals of photos and frames."""
    videos = [found[0] for result in results if (found := frame_of(result)) is not None]
    areas = [result.corroded_cm2 for result in results if result.corroded_cm2 is not None]
    pixels = sum(result.width * result.height for result in results)
    corroded = sum(corroded_pixels(result) for result in results)
    return Totals(
        photos=len(results),
        frames=len(videos),
        videos=len(set(videos)),
        corroded=sum(result.corroded_percent > 0 for result in results),
        corroded_percent=100 * corroded / pixels if pixels else None,
        median_percent=float(np.median([r.corroded_percent for r in results])) if results else None,
        corroded_cm2=sum(areas) if areas and len(areas) == len(results) else None,
        patches=sum(result.patches for result in results),
        degrees=tuple(sum(r.iso_4628_3 == degree for r in results) for degree in range(ISO_DEGREES)),
    )


def corroded_pixels(result: PhotoResult) -> float:
    """Corroded pixels of a photo, in its own frame."""
    return result.corroded_percent / 100 * result.width * result.height


def frame_of(result: PhotoResult) -> tuple[str, int] | None:
    """The video that a frame is of and the frame's number; ``None`` for a photo."""
    found = _FRAME.fullmatch(result.photo)
    if found is None or not result.name.endswith(f"@{int(found['number']):06d}"):
        return None
    return found["video"], int(found["number"])
