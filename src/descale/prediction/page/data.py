"""What the page knows, as the JSON that lies in it. Where photos were taken is told only if asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from descale.prediction.page.comparison import Earlier, change, comparison_data
from descale.prediction.page.totals import add_up, corroded_pixels, frame_of
from descale.prediction.ratings import CAVEAT
from descale.prediction.records import found_key
from descale.prediction.results_folder import PAGE_PICTURES
from descale.prediction.summary import PhotoResult
from descale.prediction.tables.content import TableContent

_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def page_data(
    content: TableContent,
    title: str,
    *,
    earlier: Earlier | None = None,
    way: str | None = None,
    positions: bool = False,
) -> dict[str, Any]:
    """All that the page shows, but for the pictures.

    Args:
        content: results and what made them.
        title: what the job is called.
        earlier: results to compare with.
        way: from the page to the folder of these, if their pictures can be shown.
        positions: whether to tell where photos were taken.
    """
    made_by = content.made_by
    photos = [photo_data(result) for result in content.results]
    if positions:
        for photo, result in zip(photos, content.results, strict=True):
            photo["position"] = None if result.latitude is None else [result.latitude, result.longitude]
    if earlier is not None:
        for photo, result in zip(photos, content.results, strict=True):
            photo |= change_data(earlier, result)
    return {
        "title": title,
        "job": job_id(made_by),
        "made": _made(made_by),
        "mm_per_pixel": made_by.get("mm_per_pixel"),
        "note": CAVEAT,
        "classes": content.classes.to_json(),
        "pictures": PAGE_PICTURES,
        "totals": add_up(content.results).to_json(),
        "skipped": [{"photo": photo, "reason": reason} for photo, reason in content.skipped],
        "compared": None if earlier is None else comparison_data(earlier, content.results, made_by),
        "earlier": None if way is None else address(way),
        "photos": photos,
    }


def photo_data(result: PhotoResult) -> dict[str, Any]:
    """What the page shows of a photo."""
    frame = frame_of(result)
    return {
        "name": result.name,
        "photo": result.photo,
        "address": address(result.name),
        "video": None if frame is None else {"file": PurePath(frame[0]).name, "frame": frame[1]},
        "bytes": result.file_bytes,
        "width": result.width,
        "height": result.height,
        "scale": result.scale,
        "percent": _rounded(result.corroded_percent),
        "percent_of_metal": _rounded(result.corroded_percent_of_metal),
        "pixels": round(corroded_pixels(result)),
        "cm2": _rounded(result.corroded_cm2),
        "iso": result.iso_4628_3,
        "astm": result.astm_d610,
        "rated_over": result.rated_over,
        "confidence": _rounded(result.mean_confidence),
        "patches": result.patches,
        "listed": [
            [patch.left, patch.top, patch.width, patch.height, round(patch.area_px)]
            for patch in result.largest_patches
        ],
        "classes": [_rounded(share) for share in result.class_percent.values()],
    }


def change_data(earlier: Earlier, now: PhotoResult) -> dict[str, Any]:
    """What the page shows of a photo's past."""
    before = earlier.of(now)
    if before is None:
        return {"change": "new", "before": None}
    kept = ("address", "width", "height", "percent", "cm2", "iso", "patches")
    value = photo_data(before)
    return {"change": change(before, now), "before": {key: value[key] for key in kept}}


def address(name: str) -> str:
    """A relative path as a part of an address: what has a meaning in addresses is encoded, byte by byte.

    >>> address("deck #3/50 %?")
    'deck%20%233/50%20%25%3F'
    """
    return quote(os.fsencode(name), safe="/")


def embedded(value: Mapping[str, Any]) -> str:
    """JSON that stays text inside a page: no character that HTML or scripts would read otherwise.

    >>> print(embedded({"name": "</script>&\\u2028"}))
    {"name":"\\u003c/script\\u003e\\u0026\\u2028"}
    """
    return json.dumps(value, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)


def job_id(made_by: Mapping[str, Any]) -> str:
    """The same for runs of the same bundle and settings, as far as they decide what is found: marks are kept
    under it."""
    return found_key({**made_by, "mm_per_pixel": None})[:12]


def _made(made_by: Mapping[str, Any]) -> list[list[str]]:
    bundle = made_by.get("bundle", {})
    scale, side = made_by.get("scale"), made_by.get("mm_per_pixel")
    sums = sorted(bundle.get("files", {}).items())
    facts = [
        ("bundle", f"{bundle.get('name')}, {bundle.get('precision')}"),
        ("network", ", ".join(f"{name} {checksum[:12]}" for name, checksum in sums) + " (SHA-256)"),
        ("threshold", made_by.get("threshold")),
        ("scale", scale),
        ("mm per pixel of the photo", "not given" if side is None else side),
        ("engine", made_by.get("engine")),
        ("descale", made_by.get("descale")),
        ("this page", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]
    return [[name, str(value)] for name, value in facts]


def _rounded(value: float | None) -> float | None:
    """Six significant digits: what was found stays more than nothing, however small."""
    return None if value is None else float(f"{value:.6g}")
