"""Photos on a map: GeoJSON (RFC 7946), one point for each photo whose header tells where it was taken."""

from __future__ import annotations

from pathlib import Path

from descale.base.files import write_json
from descale.prediction.ratings import CAVEAT
from descale.prediction.results_folder import POSITIONS
from descale.prediction.tables.content import TableContent

_PROPERTIES = (
    "name", "photo", "corroded_percent", "corroded_cm2", "iso_4628_3", "astm_d610", "rated_over", "patches",
    "mean_confidence",
)  # fmt: skip


def write_positions(folder: Path, content: TableContent) -> Path | None:
    """Write ``photos.geojson`` below ``folder`` and return its path.

    Without any position nothing is written, and the file of an earlier run is removed.

    Raises:
        DescaleError: the folder cannot be written.
    """
    path = folder / POSITIONS
    placed = [result for result in content.results if result.latitude is not None]
    if not placed:
        path.unlink(missing_ok=True)
        return None
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [result.longitude, result.latitude]},
            "properties": {name: getattr(result, name) for name in _PROPERTIES},
        }
        for result in placed
    ]
    write_json(path, {"type": "FeatureCollection", "note": CAVEAT, "features": features})
    return path
