"""Which files below a folder are photos to predict on: not the hidden ones, nor what earlier runs wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path, PurePath

from descale.base.photo import PHOTO_SUFFIXES
from descale.prediction.unread import UNREAD_SUFFIXES, pictures_not_read
from descale.prediction.video import VIDEO_SUFFIXES

PICTURES = {"masks": ".png", "colours": ".png", "overlays": ".jpg"}
"""Folders of results that hold pictures, and how names of these end."""
RECORDS = "photos"
"""Folder of results with a record for each photo."""
TABLE = "predictions"
"""Name of the tables of results, without its ending."""


@dataclass(frozen=True)
class Listed:
    """Files below a folder, sorted.

    Attributes:
        files: photos and videos.
        unread: pictures of kinds that are not read.
        results: pictures that an earlier run wrote, left out.
        barred: photos in the folder that was to be left out.
    """

    files: list[Path]
    unread: list[Path]
    results: list[Path]
    barred: list[Path]


def list_files(paths: Iterable[Path], base: Path, *, exclude: Path | None) -> Listed:
    """Sort out ``paths``; what is hidden below ``base`` is left out, whatever the base itself is called."""
    kinds = PHOTO_SUFFIXES | VIDEO_SUFFIXES | UNREAD_SUFFIXES
    barrier = exclude.resolve() if exclude is not None else None
    holds_results = cache(lambda folder: _holds_results(base / folder))
    results: list[Path] = []
    barred: list[Path] = []
    pictures: list[Path] = []
    for path in sorted(paths):
        inner = path.relative_to(base)
        if path.suffix.lower() not in kinds or _hidden(inner) or not path.is_file():
            continue
        made = in_results(inner, holds_results)
        if barrier is not None and path.resolve().is_relative_to(barrier):
            if not made:  # the results of this very run go without saying
                barred.append(path)
        elif made:
            results.append(path)
        else:
            pictures.append(path)
    files = [path for path in pictures if path.suffix.lower() not in UNREAD_SUFFIXES]
    return Listed(files, pictures_not_read(pictures), results, barred)


def in_results(path: PurePath, holds_results: Callable[[PurePath], bool]) -> bool:
    """Whether a picture is a mask, a colour mask or an overlay of a folder of results above it."""
    return any(folder.name in PICTURES and holds_results(above) for folder, above in pairwise(path.parents))


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


def _holds_results(folder: Path) -> bool:
    table = next(folder.glob(f"{TABLE}.*"), None)
    return table is not None or next((folder / RECORDS).rglob("*.json"), None) is not None


def _hidden(path: PurePath) -> bool:
    return any(part.startswith(".") and part != ".." for part in path.parts)
