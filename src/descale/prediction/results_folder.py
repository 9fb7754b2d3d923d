"""What a folder of results looks like, so that a later run takes no mask or overlay for a photo."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path, PurePath

from descale.base.errors import ConfigError

PICTURES = {"masks": ".png", "colours": ".png", "overlays": ".jpg"}
"""Folders of results that hold pictures, and how names of these end."""
PAGE = "page"
"""Folder of results with the pictures that the page shows."""
PAGE_FILE = "index.html"
PAGE_PICTURES = {f"{PAGE}/large": ".jpg", f"{PAGE}/small": ".jpg", f"{PAGE}/masks": ".png"}
"""The photo, smaller; a small picture of it with its mask; its mask, transparent where nothing was found."""
RUN = "run.json"
"""Bundle and settings that made the results."""
RECORDS = "photos"
"""Folder of results with a record for each photo."""
TABLE = "predictions"
"""Name of the tables of results, without its ending."""
_LEFT_OUT = {*PICTURES, PAGE}


def in_results(path: PurePath, holds_results: Callable[[PurePath], bool]) -> bool:
    """Whether a picture was written by a run: it lies in such a folder of a folder of results above it."""
    return any(folder.name in _LEFT_OUT and holds_results(above) for folder, above in pairwise(path.parents))


def holds_results(folder: Path) -> bool:
    """Whether a folder has a table or records of photos."""
    table = next(folder.glob(f"{TABLE}.*"), None)
    return table is not None or next((folder / RECORDS).rglob("*.json"), None) is not None


def of_predict(folder: Path) -> bool:
    """Whether a run of ``descale predict`` has begun to write into a folder."""
    try:
        return "bundle" in json.loads((folder / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def require_free(folder: Path) -> None:
    """Refuse a folder that is of no run and holds files that a run would write over.

    Raises:
        ConfigError: there is one; labels of a data set lie as masks of results do.
    """
    patterns: tuple[str, ...] = (RUN, f"{TABLE}.*", f"{RECORDS}.geojson", f"{RECORDS}/**/*.json")
    patterns += tuple(f"{kind}/**/*{suffix}" for kind, suffix in (PICTURES | PAGE_PICTURES).items())
    taken = next((path for pattern in patterns for path in folder.glob(pattern)), None)
    if taken is not None:
        raise ConfigError(
            f"{taken} is not of a run of descale predict and may be overwritten. Give another folder (--out)."
        )


def folders_of_results(paths: Iterable[PurePath]) -> set[PurePath]:
    """Folders with a table or records of photos, told from the names of all files below a place.

    >>> from pathlib import PurePosixPath as P
    >>> sorted(folders_of_results([P("old/photos/a/1.json"), P("predictions.csv"), P("photos/1.jpg")]))
    [PurePosixPath('.'), PurePosixPath('old')]
    """
    found: set[PurePath] = set()
    for path in paths:
        if path.name.startswith(f"{TABLE}."):
            found.add(path.parent)
        if path.suffix == ".json":
            found.update(folder.parent for folder in path.parents if folder.name == RECORDS)
    return found
