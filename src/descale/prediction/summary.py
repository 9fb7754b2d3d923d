"""What is written down about one photo."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.prediction.position import Position
from descale.prediction.ratings import astm_d610, iso_4628_3
from descale.runtime.patches import Patches, find_patches
from descale.runtime.segmentation import Segmentation
from descale.runtime.working_scale import training_pixels

LISTED_PATCHES = 12
"""How many patches of a photo are listed one by one, the largest."""


@dataclass(frozen=True)
class PatchBox:
    """One connected corroded patch, in pixels of the photo."""

    left: int
    top: int
    width: int
    height: int
    area_px: float


@dataclass(frozen=True)
class PhotoResult:
    """Findings in one photo. Areas are in pixels of the photo itself, whatever the working scale.

    Attributes:
        name: of the outputs (``masks/<name>.png``).
        photo: where the photo came from.
        width, height: of the photo, pixels.
        scale: share of the photo's resolution at which the network saw it, 0..1.
        corroded_percent: of the picture.
        metal_percent: of the picture; ``None`` if no class stands for sound metal.
        corroded_percent_of_metal: of the metal; ``None`` if unknown or no metal is seen.
        iso_4628_3, astm_d610: grades (see :mod:`descale.prediction.ratings`).
        rated_over: what the grades refer to: ``metal`` where known, else ``picture``.
        patches: number of connected corroded patches.
        patch_largest_px, patch_mean_px, patch_median_px: their areas; 0 without patches.
        corroded_cm2, patch_largest_cm2, patch_mean_cm2, patch_median_cm2: if the scale on site is known.
        mean_confidence: 0..1.
        class_percent: share of the picture by class name.
        latitude, longitude: where the photo was taken, degrees; ``None`` if its header does not tell.
        patches_left_out: that were too unsure, by the bundle's ``patch_confidence``.
        file_bytes: size of the photo's file; ``None`` for standard input.
        largest_patches: the :data:`LISTED_PATCHES` largest, largest first.
    """

    name: str
    photo: str
    width: int
    height: int
    scale: float
    corroded_percent: float
    metal_percent: float | None
    corroded_percent_of_metal: float | None
    iso_4628_3: int
    astm_d610: int
    rated_over: str
    patches: int
    patch_largest_px: float
    patch_mean_px: float
    patch_median_px: float
    corroded_cm2: float | None
    patch_largest_cm2: float | None
    patch_mean_cm2: float | None
    patch_median_cm2: float | None
    mean_confidence: float
    class_percent: dict[str, float]
    latitude: float | None = None
    longitude: float | None = None
    patches_left_out: int = 0
    file_bytes: int | None = None
    largest_patches: tuple[PatchBox, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"largest_patches": [asdict(patch) for patch in self.largest_patches]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> PhotoResult:
        """Inverse of :meth:`to_json`.

        Raises:
            TypeError: a field is missing or unknown.
        """
        listed = tuple(PatchBox(**patch) for patch in value.get("largest_patches", ()))
        return cls(**(value | {"largest_patches": listed}))

    @classmethod
    def columns(cls) -> list[str]:
        """Fields that are one column of a table each."""
        return [name for name in cls.__dataclass_fields__ if name not in ("class_percent", "largest_patches")]

    def flat(self) -> dict[str, Any]:
        """One row of a table: ``class_percent`` becomes a column ``percent_<class>`` each."""
        row = {name: getattr(self, name) for name in self.columns()}
        return row | {f"percent_{name}": share for name, share in self.class_percent.items()}


def summarise(
    segmentation: Segmentation,
    name: str,
    photo: str,
    *,
    mm_per_pixel: float | None = None,
    position: Position | None = None,
    file_bytes: int | None = None,
) -> PhotoResult:
    """Measure a segmentation.

    Args:
        segmentation: of the photo.
        name: of its outputs.
        photo: where it came from.
        mm_per_pixel: side of one pixel of the photo (not of the working scale) on the surface, mm.
        position: where it was taken, if known.
        file_bytes: size of its file, if it has one.
    """
    classes = segmentation.classes
    counts = segmentation.counts()
    pixels = segmentation.mask.size
    corroded = sum(counts[number] for number in classes.corrosion_ids)
    # Corrosion is on metal by definition; a table that marks nothing else as metal does not know the rest.
    sound = [i for i, c in enumerate(classes.classes) if c.metal and not c.corrosion]
    metal = corroded + sum(counts[number] for number in sound) if sound else None
    corroded_percent = 100 * corroded / pixels
    of_metal = 100 * corroded / metal if metal else None
    rated = of_metal if of_metal is not None else corroded_percent

    found = find_patches(segmentation.corrosion())
    areas = found.areas * segmentation.photo_pixels_per_pixel
    largest, mean, median = (
        (float(areas.max()), float(areas.mean()), float(np.median(areas))) if len(areas) else (0.0, 0.0, 0.0)
    )
    total = corroded * segmentation.photo_pixels_per_pixel

    def cm2(area: float) -> float | None:
        return None if mm_per_pixel is None else area * mm_per_pixel**2 / 100

    return PhotoResult(
        name=name,
        photo=photo,
        width=segmentation.frame[1],
        height=segmentation.frame[0],
        scale=round(segmentation.photo_pixels_per_pixel**-0.5, 4),
        corroded_percent=corroded_percent,
        metal_percent=None if metal is None else 100 * metal / pixels,
        corroded_percent_of_metal=of_metal,
        iso_4628_3=iso_4628_3(rated),
        astm_d610=astm_d610(rated),
        rated_over="picture" if of_metal is None else "metal",
        patches=len(areas),
        patch_largest_px=largest,
        patch_mean_px=mean,
        patch_median_px=median,
        corroded_cm2=cm2(total),
        patch_largest_cm2=cm2(largest),
        patch_mean_cm2=cm2(mean),
        patch_median_cm2=cm2(median),
        mean_confidence=segmentation.confidence,
        class_percent={c: 100 * n / pixels for c, n in zip(classes.names, counts, strict=True)},
        latitude=None if position is None else position[0],
        longitude=None if position is None else position[1],
        patches_left_out=segmentation.patches_left_out,
        file_bytes=file_bytes,
        largest_patches=_largest(found, areas, segmentation),
    )


def _largest(
    found: Patches, areas: NDArray[np.floating[Any]], segmentation: Segmentation
) -> tuple[PatchBox, ...]:
    sides = [whole / seen for whole, seen in zip(segmentation.frame, segmentation.mask.shape, strict=True)]
    corners = np.concatenate([found.boxes[:, :2], found.boxes[:, :2] + found.boxes[:, 2:]], axis=1)
    scaled = np.rint(corners * np.array([sides[1], sides[0]] * 2)).astype(np.int64)
    return tuple(
        PatchBox(int(left), int(top), int(right - left), int(bottom - top), float(areas[number]))
        for number in np.argsort(-areas, kind="stable")[:LISTED_PATCHES]
        for left, top, right, bottom in [scaled[number]]
    )


MAGNIFIED = 2.0
"""From here on photos are so much larger than in training that the run says so."""


def magnification(provenance: Mapping[str, Any], results: Sequence[PhotoResult]) -> float | None:
    """How much larger things looked to the network than in training, as a ratio of lengths: median of photos.

    ``None`` if there are no photos, or the bundle does not tell its input size.
    """
    area = training_pixels(provenance)
    if not results or area is None:
        return None
    sides = [result.scale * math.sqrt(result.width * result.height) for result in results]
    return float(np.median(sides)) / math.sqrt(area)
