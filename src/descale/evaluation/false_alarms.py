"""False alarms: what a model calls corroded on photos that show no corrosion.

A photo is a false alarm where one connected patch covers more than :data:`LARGE_PATCH` of the picture: what a
person would be sent to look at. Beside their share stands the mean share of the picture that is called
corroded. Shares are of whole pictures, so photos and networks of different sizes compare.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from descale.base.errors import DataError
from descale.evaluation.bootstrap import Interval, mean_interval
from descale.evaluation.clean_photos import CleanPhotos
from descale.runtime.patches import find_patches

logger = logging.getLogger(__name__)

LARGE_PATCH = 0.005
"""Share of the picture from which on a patch counts."""

KEPT = "clean"
"""Key among the metrics of a saved model."""

Shares = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FalseAlarms:
    """What one model calls corroded on photos without corrosion.

    Attributes:
        folder: its name.
        fingerprint: of the content of the photos.
        photos: paths of those that were read, below the folder.
        largest: float64 (N,), share of the picture of the largest patch, 0..1; 0 without a patch.
        areas: float64 (N,), share of the picture that is called corroded, 0..1.
        unread: why, of each photo that could not be read.
    """

    folder: str
    fingerprint: str
    photos: tuple[str, ...]
    largest: Shares
    areas: Shares
    unread: tuple[str, ...] = ()

    @property
    def alarms(self) -> NDArray[np.bool_]:
        """bool (N,): photos with a patch above :data:`LARGE_PATCH`."""
        return self.largest > LARGE_PATCH

    @cached_property
    def share(self) -> Interval:
        """Share of the photos that are false alarms, with its 95 % interval over photos."""
        return mean_interval(self.alarms.astype(np.float64))

    @cached_property
    def area(self) -> Interval:
        """Mean share of the picture that is called corroded, with its 95 % interval over photos."""
        return mean_interval(self.areas)

    def by_photo(self) -> list[dict[str, Any]]:
        """A row per photo, the one with the largest patch first; shares 0..1."""
        return [
            {
                "photo": self.photos[index],
                "alarm": bool(self.alarms[index]),
                "largest_patch": float(self.largest[index]),
                "area": float(self.areas[index]),
            }
            for index in np.argsort(-self.largest, kind="stable")
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values, without those of single photos; a bound that is not known is ``None``."""
        return {
            "folder": self.folder,
            "fingerprint": self.fingerprint,
            "photos": len(self.photos),
            "unread": len(self.unread),
            "patch_above": LARGE_PATCH,
            "alarms": int(self.alarms.sum()),
            "share": _plain(asdict(self.share)),
            "area": _plain(asdict(self.area)),
        }

    def columns(self) -> dict[str, float | int | None]:
        """The columns of ``results.csv`` that follow from it; ``None`` where a bound is not known."""
        return _plain(
            {
                "false_alarms": self.share.estimate,
                "false_alarms_low": self.share.low,
                "false_alarms_high": self.share.high,
                "false_area": self.area.estimate,
                "false_area_low": self.area.low,
                "false_area_high": self.area.high,
                "clean_photos": len(self.photos),
            }
        )


def count_false_alarms(clean: CleanPhotos, find: Callable[[Path], NDArray[np.bool_]]) -> FalseAlarms:
    """Measure what is called corroded on every photo.

    Args:
        clean: photos without corrosion. One that cannot be read is logged, counted and left out.
        find: photo -> bool (h, w), the pixels that are called corroded, at any scale of the whole picture.

    Raises:
        DataError: no photo can be read.
    """
    names, largest, areas, unread = [], [], [], list(clean.unread)
    progress = track(
        clean.photos,
        description="photos without corrosion",
        transient=True,
        console=Console(stderr=True),
    )
    for photo in progress:
        try:
            mask = find(photo)
        except DataError as error:
            unread.append(str(error))
            continue
        names.append(clean.name(photo))
        areas.append(np.count_nonzero(mask) / mask.size)
        largest.append(find_patches(mask).areas.max(initial=0) / mask.size)
    if not names:
        raise DataError(f"{clean.folder}: none of {len(unread)} photos can be read. The first is {unread[0]}")
    for why in unread:
        logger.warning("left out %s", why)
    return FalseAlarms(
        clean.folder.resolve().name,
        clean.fingerprint(),
        tuple(names),
        np.array(largest, np.float64),
        np.array(areas, np.float64),
        tuple(unread),
    )


def in_words(metrics: Mapping[str, Any]) -> str:
    """What :meth:`FalseAlarms.to_json` holds, as a sentence.

    >>> bounds = {"estimate": 0.421, "low": 0.354, "high": 0.487}
    >>> in_words({"photos": 195, "patch_above": 0.005, "share": bounds, "area": {"estimate": 0.033}})
    '42.1 % (35.4 to 48.7) of 195 photos show a patch above 0.5 % of the picture, and 3.3 % of the area is
    called corroded on average'
    """
    share, area = _percent(metrics["share"]), _percent(metrics["area"])
    return (
        f"{share} of {metrics['photos']} photos show a patch above {100 * metrics['patch_above']:g} % of the "
        f"picture, and {area} of the area is called corroded on average"
    )


def _percent(bounds: Mapping[str, Any]) -> str:
    text = f"{100 * bounds['estimate']:.1f} %"
    if bounds.get("low") is None or bounds.get("high") is None:
        return text
    return f"{text} ({100 * bounds['low']:.1f} to {100 * bounds['high']:.1f})"


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: None if value != value else value for key, value in values.items()}
