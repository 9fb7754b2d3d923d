"""What is written down about one photo."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from descale.prediction.patches import find_patches
from descale.prediction.ratings import astm_d610, iso_4628_3
from descale.runtime.segmentation import Segmentation
from descale.runtime.working_scale import training_pixels


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

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> PhotoResult:
        """Inverse of :meth:`to_json`.

        Raises:
            TypeError: a field is missing or unknown.
        """
        return cls(**value)

    def flat(self) -> dict[str, Any]:
        """One row of a table: ``class_percent`` becomes a column ``percent_<class>`` each."""
        row = self.to_json()
        shares = row.pop("class_percent")
        return row | {f"percent_{name}": share for name, share in shares.items()}


def summarise(
    segmentation: Segmentation, name: str, photo: str, *, mm_per_pixel: float | None = None
) -> PhotoResult:
    """Measure a segmentation.

    Args:
        segmentation: of the photo.
        name: of its outputs.
        photo: where it came from.
        mm_per_pixel: side of one pixel of the photo (not of the working scale) on the surface, mm.
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

    areas = find_patches(segmentation.corrosion()).areas * segmentation.photo_pixels_per_pixel
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
