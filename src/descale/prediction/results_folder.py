"""What a folder of results looks like, so that a later run takes no mask or overlay for a photo."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any

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
POSITIONS = "photos.geojson"
"""Where photos were taken."""
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
    if "bundle" in _read(folder / RUN):
        return True
    # earlier versions wrote that file last
    record = next((folder / RECORDS).rglob("*.json"), None)
    return not (folder / RUN).exists() and record is not None and {"run", "stamp"} <= _read(record).keys()


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def require_free(folder: Path) -> None:
    """Refuse a folder that is of no run and holds files that a run would write over.

    Raises:
        ConfigError: there is one; labels of a data set lie as masks of results do.
    """
    kinds = {PurePath(kind).parts[0] for kind in (*PICTURES, *PAGE_PICTURES)} | {RECORDS}
    several = (path for kind in kinds for path in (folder / kind).rglob("*"))
    require_not_written_over((path.relative_to(folder) for path in (*folder.glob("*"), *several)), folder)


def require_not_written_over(inner: Iterable[PurePath], folder: Path | str) -> None:
    """The same, from the names of all files below a place.

    Raises:
        ConfigError: a run would write one of these names.
    """
    endings = {**PICTURES, **PAGE_PICTURES, RECORDS: ".json"}
    for path in inner:
        at_top = len(path.parts) == 1
        named = path.name in (RUN, POSITIONS) or path.name.startswith(f"{TABLE}.")
        ending = next((ending for kind, ending in endings.items() if path.is_relative_to(kind)), None)
        if (at_top and named) or (ending is not None and path.suffix == ending):
            raise ConfigError(
                f"{folder}/{path.as_posix()} is not of a run of descale predict and may be overwritten. Give "
                "another folder (--out)."
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
