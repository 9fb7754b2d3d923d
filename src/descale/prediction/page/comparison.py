"""What changed since an earlier job on the same structure: photos of the two are matched by name."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from descale.base.errors import DataError
from descale.base.walk import composed
from descale.prediction.page.totals import add_up
from descale.prediction.records import SHOWN_ONLY, found_key
from descale.prediction.results_folder import PAGE_PICTURES, RECORDS, RUN
from descale.prediction.summary import PhotoResult

logger = logging.getLogger(__name__)

ALIKE = 0.1
"""Points of the corroded share below which a photo counts as unchanged, if its degree is the same too."""


@dataclass(frozen=True)
class Earlier:
    """Results of an earlier job.

    Attributes:
        folder: that holds them.
        results: by name, composed (NFC): a name may come decomposed from another system.
        run: bundle and settings that made them; ``None`` if they are not noted there.
    """

    folder: Path
    results: Mapping[str, PhotoResult]
    run: Mapping[str, Any] | None

    def of(self, now: PhotoResult) -> PhotoResult | None:
        """The earlier result of a photo, if there is one."""
        return self.results.get(composed(now.name))


def read_earlier(folder: Path) -> Earlier:
    """Read the records of a folder of results, those of its newest run and of others that find the same.

    Raises:
        DataError: there is none.
    """
    results: dict[str, PhotoResult] = {}
    others: dict[str, PhotoResult] = {}
    run = _read_run(folder / RUN)
    newest = None if run is None else found_key(run)
    for path in sorted((folder / RECORDS).rglob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            result = PhotoResult.from_json(record.get("result", record))
        except (OSError, ValueError, TypeError, AttributeError):
            logger.warning("%s: not a record of this version; its photo is not compared", path)
            continue
        same = newest is None or record.get("found_by", newest) == newest
        (results if same else others)[composed(result.name)] = result
    if others and not results:
        results, others = others, {}
        logger.warning(
            "%s: its newest run was stopped before its first photo; compared with what the one before left",
            folder,
        )
    if others:
        logger.warning(
            "%s: %d photos were last seen there with another bundle or other settings than those of its "
            "newest run; they are not compared", folder, len(others),
        )  # fmt: skip
    if not results:
        raise DataError(
            f"{folder}: no results to compare with ({RECORDS}/*.json). Give the --out of an earlier run."
        )
    return Earlier(folder, results, run)


def change(before: PhotoResult, now: PhotoResult) -> str:
    """``grew``, ``shrank`` or ``same``: by the degree, or where that is the same by the corroded share.

    The degree may be over the metal alone, the share is over the picture, so that one can rise while the
    other falls. A share counts as changed from :data:`ALIKE` points on.
    """
    if now.iso_4628_3 != before.iso_4628_3:
        return "grew" if now.iso_4628_3 > before.iso_4628_3 else "shrank"
    points = now.corroded_percent - before.corroded_percent
    if abs(points) < ALIKE:
        return "same"
    return "grew" if points > 0 else "shrank"


def comparison_data(
    earlier: Earlier, results: Sequence[PhotoResult], made_by: Mapping[str, Any]
) -> dict[str, Any]:
    """What the page says about the two jobs together."""
    found = [(earlier.of(now), now) for now in results]
    pairs = [(before, now) for before, now in found if before is not None]
    changes = [change(before, now) for before, now in pairs]
    names = {composed(result.name) for result in results}
    before, now = add_up([pair[0] for pair in pairs]), add_up([pair[1] for pair in pairs])
    return {
        "earlier": str(earlier.folder),
        "alike": ALIKE,
        "settings": None if earlier.run is None else _differing(earlier.run, made_by),
        "both": len(pairs),
        "grew": changes.count("grew"),
        "shrank": changes.count("shrank"),
        "same": changes.count("same"),
        "new": len(results) - len(pairs),
        "gone": [result.name for name, result in earlier.results.items() if name not in names],
        "percent": [before.corroded_percent, now.corroded_percent],
        "cm2": [before.corroded_cm2, now.corroded_cm2],
        "worse": sum(b.iso_4628_3 < n.iso_4628_3 for b, n in pairs),
    }


def place_of(earlier: Earlier, out: Path) -> str | None:
    """Way from the page to the earlier results, if their pictures are there; ``None`` otherwise."""
    if not all((earlier.folder / kind).is_dir() for kind in PAGE_PICTURES):
        return None
    try:
        return Path(os.path.relpath(earlier.folder.resolve(), out.resolve())).as_posix()
    except ValueError:  # on another drive
        return None


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return sorted(
        key for key in {*before, *now} - SHOWN_ONLY if _plain(before.get(key)) != _plain(now.get(key))
    )


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _read_run(path: Path) -> dict[str, Any] | None:
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return run if isinstance(run, dict) else None
