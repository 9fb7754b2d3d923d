"""What labels give away only when all of a set are looked at: another unit, another encoding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from descale.data.check.report import Finding
from descale.data.check.scan import Scanned
from descale.data.description import Description
from descale.data.polygons import guess_unit
from descale.data.sample import SPLITS

REMARKS: dict[str, str] = {
    "colours against indices": "Palette pictures show a person something else than their indices say. The "
    "indices are read; if the colours are right, exchange the meanings: label_names: {0: corrosion, 1: "
    "background, 255: background}.",
    "frame of another shape": "Files state a frame of other proportions than their photo has, so the "
    "outlines are stretched to it. That is right if the photos were stretched; if they were cropped or "
    "padded, label these photos again.",
    "outline without an area": "Outlines of fewer than 3 points beside good ones, or with all points on one "
    "line, have no area and are left out.",
    "size not stated": "Files do not state the size of their photo; the outlines are read as its pixels.",
}
"""Kinds of remarks that readers make about single labels, and what they mean for the set."""

ENOUGH = 4
"""Photos with outlines from which on it is no accident that all of them lie near one corner."""
CORNER, SMALL_CORNER = 0.5, 0.25
"""Shares of width and height in which all outlines of a set (of some photos of a set) are suspicious."""
MIXED = 0.1
"""Share of photos from which on those with the smaller corner are told."""


def label_findings(scanned: Sequence[Scanned], description: Description) -> Iterator[Finding]:
    """Remarks of the readers, outlines that use a corner of their photos, and two ways to say corrosion."""
    for kind, message in REMARKS.items():
        items = tuple(text for one in scanned if one.notes for k, text in one.notes.remarks if k == kind)
        if items:
            yield Finding(kind, False, message, items)
    yield from _corner_findings(scanned)
    stored = [(one, set(one.notes.stored)) for one in scanned if one.notes and one.notes.stored]
    ones = [one for one, values in stored if 1 in values]
    full = [one for one, values in stored if 255 in values and one.counts is not None and one.counts[1]]
    told = {*description.label_names, *map(str, description.ignore)}
    if len(description.table) == 2 and "255" not in told and ones and full:
        yield Finding(
            "two encodings of one class", False,
            f"Corrosion is 1 in {len(ones)} masks and 255 in {len(full)}. If 255 marks pixels without a "
            "label, write 'ignore: 255' in dataset.yaml.",
            tuple(str(one.sample.label.path) for one in full),
        )  # fmt: skip


def outlines_reach(scanned: Sequence[Scanned]) -> tuple[float, float] | None:
    """How far the outlines of all photos reach, in shares of width and height; ``None`` without outlines."""
    reaches = [one.notes.reach for one in scanned if one.notes and one.notes.reach]
    return (max(x for x, _ in reaches), max(y for _, y in reaches)) if reaches else None


def _corner_findings(scanned: Sequence[Scanned]) -> Iterator[Finding]:
    """A unit whose numbers fall inside the photo shows by outlines that never leave one corner."""
    drawn = [one for one in scanned if one.notes and one.notes.reach and one.size]
    cornered = [part for split in SPLITS if _in_corner(part := [o for o in drawn if o.sample.split == split])]
    if not cornered and _in_corner(drawn):
        cornered = [drawn]
    if cornered:
        yield Finding(
            "outlines in one corner", True,
            "All outlines lie in the upper left corner of their photos: they seem to be in another unit than "
            "pixels of these photos. Export them in pixels of these photos (YOLO: in shares).",
            tuple(_describe(part) for part in cornered),
        )  # fmt: skip
        return
    few = [one for one in drawn if _within(one, SMALL_CORNER)]
    if len(few) >= max(3, MIXED * len(drawn)):
        yield Finding(
            "outlines in one corner", False,
            f"Of {len(drawn)} photos with outlines, {len(few)} have all of them in the upper left corner. "
            "Look at them: their unit may be another.",
            tuple(str(one.sample.image) for one in few),
        )  # fmt: skip


def _in_corner(part: Sequence[Scanned]) -> bool:
    return len(part) >= ENOUGH and all(_within(one, CORNER) for one in part)


def _within(one: Scanned, share: float) -> bool:
    return one.notes is not None and one.notes.reach is not None and max(one.notes.reach) < share


def _describe(part: Sequence[Scanned]) -> str:
    reach = outlines_reach(part) or (0.0, 0.0)
    ends = [one.notes.farthest for one in part if one.notes and one.notes.farthest]
    far = (max(x for x, _ in ends), max(y for _, y in ends))
    frame = max(one.size for one in part if one.size)
    places = " and ".join(sorted({str(one.sample.split) for one in part}))
    return (
        f"{places}: {len(part)} photos use {reach[0]:.0%} of the width and {reach[1]:.0%} of the height; the "
        f"largest x, y is ({far[0]:g}, {far[1]:g}): {guess_unit(far, frame)}"
    )
