"""Everything in one JSON file: what made it, the results, and what was skipped and why."""

from __future__ import annotations

from pathlib import Path

from descale.base.files import write_json
from descale.prediction.ratings import CAVEAT
from descale.prediction.tables.content import TableContent


def write(path: Path, content: TableContent) -> None:
    """Write ``made_by``, ``note``, ``classes``, ``photos`` and ``skipped``."""
    write_json(
        path,
        {
            "made_by": dict(content.made_by),
            "note": CAVEAT,
            "classes": content.classes.to_json(),
            "photos": [result.to_json() for result in content.results],
            "skipped": [{"photo": photo, "reason": reason} for photo, reason in content.skipped],
        },
    )
