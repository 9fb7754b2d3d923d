"""Photos and scenes that stand in two splits, and copies within one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from descale.data.check.dealt import suggested_rule
from descale.data.check.duplicates import exact_duplicates, near_duplicates
from descale.data.check.overlaps import overlapping_across_splits
from descale.data.check.report import Finding
from descale.data.check.scan import Scanned
from descale.data.sample import SPLITS

SEVERAL = 3
"""So many pairs of overlapping photos are no chance."""
COPIES_WITHIN_A_SPLIT = frozenset({"same photo twice", "near duplicates"})
"""Kinds of findings that falsify nothing as long as the splits stay what they are."""


def find_leaks(scanned: Sequence[Scanned], *, scenes_are_certain: bool, dealt: bool) -> Iterator[Finding]:
    """Copies of photos, exact and near, and scenes across splits.

    Args:
        scanned: all samples.
        scenes_are_certain: the rule for scenes names them (file name, pattern) rather than
            estimates them (runs of numbers); only then is a scene in two splits an error.
        dealt: the set came without splits, so the remedy is another rule for scenes.
    """
    exact = exact_duplicates([one.digest for one in scanned])
    across = [group for group in exact if len({scanned[i].sample.split for i in group}) > 1]
    within = [group for group in exact if len({scanned[i].sample.split for i in group}) == 1]
    if across:
        yield Finding(
            "same photo in two splits", True,
            "Byte for byte the same photo stands in two splits; scores would be too good. Keep one of each.",
            tuple(_places(scanned, group) for group in across),
        )  # fmt: skip
    if within:
        yield Finding(
            "same photo twice", False,
            "Byte for byte the same photo stands in a split more than once; it counts double.",
            tuple(_places(scanned, group) for group in within),
        )  # fmt: skip

    def same(pair: tuple[int, int]) -> bool:
        one, other = (scanned[i].digest for i in pair)
        return one is not None and one == other

    near = [pair for pair in near_duplicates([one.thumbnail for one in scanned]) if not same(pair)]
    near_across = [pair for pair in near if len({scanned[i].sample.split for i in pair}) > 1]
    near_within = [
        pair
        for pair in near
        if len({scanned[i].sample.split for i in pair}) == 1
        and len({scanned[i].sample.group for i in pair}) > 1
    ]
    if near_across:
        yield Finding(
            "near duplicates in two splits", True,
            "Copies of one photo (recompressed, brightened, mirrored or turned) stand in two splits; scores "
            "would be too good. Look at the pairs and keep one of each.",
            tuple(_places(scanned, pair) for pair in near_across),
        )  # fmt: skip
    if near_within:
        yield Finding(
            "near duplicates", False,
            "Photos that look the same stand in one split as different scenes. If they show one scene, "
            "say so by 'groups' in dataset.yaml.",
            tuple(_places(scanned, pair) for pair in near_within),
        )  # fmt: skip
    found = {frozenset(pair) for pair in near}
    overlapping = [
        pair for pair in overlapping_across_splits(scanned) if frozenset(pair) not in found and not same(pair)
    ]
    if overlapping:
        yield Finding(
            "overlapping photos in two splits", len(overlapping) >= SEVERAL,
            "Photos that show parts of one another (tiles with overlap, frames of a pan) stand in two "
            f"splits; scores would be too good. {_remedy(scanned, overlapping, dealt)}",
            tuple(_places(scanned, pair) for pair in overlapping),
        )  # fmt: skip
    yield from _shared_scenes(scanned, scenes_are_certain)


def _remedy(scanned: Sequence[Scanned], pairs: Sequence[tuple[int, int]], dealt: bool) -> str:
    if not dealt:
        return "Move photos of one place to one split."
    names = [one.sample.image.stem for one in scanned]
    suggestion = suggested_rule([(names[i], names[j]) for i, j in pairs], names)
    return (
        f"Say by 'groups' in the description which photos belong together: {suggestion}."
        if suggestion
        else "Their names do not tell which belong together: put them into train, valid and test yourself."
    )


def _shared_scenes(scanned: Sequence[Scanned], certain: bool) -> Iterator[Finding]:
    splits: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SPLITS, 0))
    for one in scanned:
        splits[one.sample.group][one.sample.split] += 1
    shared = {group: counts for group, counts in splits.items() if sum(n > 0 for n in counts.values()) > 1}
    if shared:
        consequence = (
            "scores would be too good. Move each scene to one split."
            if certain
            else "it is an estimate from file numbers, so look at the photos."
        )
        yield Finding(
            "scene in two splits", certain, f"Photos of one scene stand in two splits; {consequence}",
            tuple(
                f"{group}: " + ", ".join(f"{n} in {split}" for split, n in counts.items() if n)
                for group, counts in sorted(shared.items())
            ),
        )  # fmt: skip


def _places(scanned: Sequence[Scanned], group: Sequence[int]) -> str:
    return " = ".join(f"{scanned[i].sample.split}/{scanned[i].sample.image.name}" for i in group)
