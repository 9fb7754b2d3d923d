"""Check a data set before anything is trained on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from descale.base.classes import IGNORED
from descale.base.errors import DataError
from descale.base.photo import LYING
from descale.data.check.dealt import numbered_apart, tiles_apart
from descale.data.check.labels import label_findings, outlines_reach
from descale.data.check.leaks import find_leaks
from descale.data.check.report import CheckReport, Finding
from descale.data.check.scan import Scanned, scan
from descale.data.description import Description
from descale.data.folders import Listing
from descale.data.near_names import with_nearest
from descale.data.problems import SizeMismatch, UnknownClass, WrongUnit
from descale.data.sample import SPLITS, Dataset
from descale.data.source import (
    Source,
    empty_remedy,
    find_source,
    is_dealt,
    list_source,
    make_dataset,
    unlabelled_remedy,
)
from descale.data.splits import dealing, scene_rule

SMALLEST_SIDE = 32


def check_dataset(
    source: str | Path, *, binary: bool = False, progress: Callable[[int, int], None] | None = None
) -> CheckReport:
    """Read every photo and label of a set and report what is wrong.

    Args:
        source: as for :func:`descale.data.load_dataset`.
        binary: with the classes merged to "corrosion or not", as they will be used.
        progress: called with the number of photos done and the number of all.

    Raises:
        DataError: there is no set to check: no folder, no photos, a wrong description.

    >>> import descale                                          # doctest: +SKIP
    >>> report = descale.check("photos")                        # doctest: +SKIP
    >>> [finding.message for finding in report.falsifying]      # doctest: +SKIP
    []
    """
    place = find_source(source)
    listing = list_source(place)
    dataset = make_dataset(place, listing)
    if binary:
        dataset = dataset.merged_to_binary()
    total = len(dataset)
    if total == 0 and not listing.unlabelled and not listing.nested:
        raise DataError(f"{place.root}: there are no photos. Check the path and the layout (docs/data.md).")
    dealt = is_dealt(listing)
    rule = scene_rule(place.description, dealt=dealt)
    scanned = scan(dataset.samples, (lambda done: progress(done, total)) if progress else None)
    findings = [
        *_listing_findings(place, listing),
        *_file_findings(scanned),
        *_turned_findings(scanned, place.description),
        *label_findings(scanned, place.description),
        *_balance_findings(dataset, scanned),
        *_split_findings(dataset, place, dealt),
        *find_leaks(scanned, scenes_are_certain=rule.rule in ("name", "pattern"), dealt=dealt),
    ]
    findings.sort(key=lambda finding: not finding.falsifying)
    sizes = Counter(f"{one.size[0]} x {one.size[1]}" for one in scanned if one.size)
    return CheckReport(
        name=dataset.name,
        source=str(place.root),
        format=place.description.format,
        pairs={
            split: sum(one.sample.split == split and not one.errors for one in scanned) for split in SPLITS
        },
        dealing=dealing(dataset, rule) if dealt else None,
        scenes={split: len({sample.group for sample in dataset.split(split)}) for split in SPLITS},
        sizes=dict(sizes.most_common()),
        classes=_class_balance(dataset, scanned),
        ignored=_ignored(scanned),
        outlines=outlines_reach(scanned),
        findings=tuple(findings),
    )


def _listing_findings(place: Source, listing: Listing) -> Iterator[Finding]:
    if listing.unlabelled:
        yield Finding(
            "photo without label", True, f"Photos have no label. {unlabelled_remedy(place, listing)}",
            with_nearest(listing.unlabelled, listing.orphans, listing.hints),
        )  # fmt: skip
    if listing.orphans:
        yield Finding(
            "label without photo", False, "Labels have no photo and are left out.",
            with_nearest(listing.orphans, listing.unlabelled),
        )  # fmt: skip
    if listing.nested:
        yield Finding(
            "photo in a subfolder", False,
            "Photos lie in subfolders and are left out. Move them up, with their labels.",
            tuple(map(str, listing.nested)),
        )  # fmt: skip


def _file_findings(scanned: Sequence[Scanned]) -> Iterator[Finding]:
    errors = [error for one in scanned for error in one.errors]
    kinds: tuple[tuple[str, str, Callable[[DataError], bool]], ...] = (
        ("unreadable", "Files are broken, truncated, or not what they should be.",
         lambda error: not isinstance(error, (SizeMismatch, UnknownClass, WrongUnit))),
        ("size mismatch", "Labels belong to pictures of another size.",
         lambda error: isinstance(error, SizeMismatch)),
        ("outlines in another unit", "Outlines are not in pixels of their photos.",
         lambda error: isinstance(error, WrongUnit)),
        ("outside the class table", "Labels hold values, colours or names that are no class of the set.",
         lambda error: isinstance(error, UnknownClass)),
    )  # fmt: skip
    for kind, message, belongs in kinds:
        items = tuple(str(error) for error in errors if belongs(error))
        if items:
            yield Finding(kind, True, message, items)
    tiny = tuple(str(one.sample.image) for one in scanned if one.size and min(one.size) < SMALLEST_SIDE)
    if tiny:
        yield Finding("tiny photo", False, f"Photos have a side of less than {SMALLEST_SIDE} pixels.", tiny)


def _turned_findings(scanned: Sequence[Scanned], description: Description) -> Iterator[Finding]:
    """Photos that EXIF turns, where no size tells whether their labels were drawn on the upright photo."""
    found = [
        str(one.sample.image)
        for one in scanned
        if one.orientation > 1
        and one.size is not None
        and (description.format == "yolo" or one.orientation < LYING or one.size[0] == one.size[1])
    ]
    if found:
        yield Finding(
            "turned photo", False,
            "Photos are turned by their header (EXIF), and labels are taken to be drawn on the upright "
            "photo. The sizes do not tell whether they are: look at some, and export the set again with "
            "photos turned for good if labels lie elsewhere.",
            tuple(found),
        )  # fmt: skip


def _split_findings(dataset: Dataset, place: Source, dealt: bool) -> Iterator[Finding]:
    for split in SPLITS:
        if not dataset.split(split):
            remedy = empty_remedy(place, dataset, split, dealt=dealt)
            message = f"No photo is in the split '{split}'. {remedy}"
            yield Finding("empty split", split == "train", message, (split,))
    if place.description.groups is None:
        yield from tiles_apart(dataset, dealt=dealt)
        if dealt:
            yield from numbered_apart(dataset)


def _balance_findings(dataset: Dataset, scanned: Sequence[Scanned]) -> Iterator[Finding]:
    seen = _counts(scanned, "train")
    corrosion = dataset.classes.corrosion_ids
    if dataset.split("train") and not seen[list(corrosion)].any():
        yield Finding("nothing to learn", True, "No pixel of the split 'train' is corroded.", ("train",))
    for split in SPLITS[1:]:
        judged = _counts(scanned, split)
        if judged.any() and not judged[list(corrosion)].any():
            yield Finding(
                "nothing to judge", False,
                f"No pixel of the split '{split}' is corroded, so scores of corrosion are not defined there. "
                "Move photos with corrosion into it.",
                (split,),
            )  # fmt: skip
    absent = tuple(
        name for i, name in enumerate(dataset.classes.names) if not seen[i] and _counts(scanned)[i]
    )
    never = tuple(name for i, name in enumerate(dataset.classes.names) if not _counts(scanned)[i])
    if absent:
        yield Finding("class missing in train", True, "Classes that are judged cannot be learned.", absent)
    if never:
        yield Finding("class never used", False, "No pixel has these classes.", never)


def _counts(
    scanned: Sequence[Scanned], split: str | None = None
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    chosen = [one.counts for one in scanned if one.counts is not None and split in (None, one.sample.split)]
    return np.sum(chosen, axis=0) if chosen else np.zeros(256, dtype=np.int64)


def _class_balance(dataset: Dataset, scanned: Sequence[Scanned]) -> dict[str, tuple[float, int]]:
    totals = _counts(scanned)[:IGNORED]
    pixels = max(1, int(totals.sum()))
    return {
        name: (
            float(totals[i] / pixels),
            sum(bool(one.counts[i]) for one in scanned if one.counts is not None),
        )
        for i, name in enumerate(dataset.classes.names)
    }


def _ignored(scanned: Sequence[Scanned]) -> tuple[float, int]:
    totals = _counts(scanned)
    photos = sum(bool(one.counts[IGNORED]) for one in scanned if one.counts is not None)
    return float(totals[IGNORED] / max(1, int(totals.sum()))), photos
