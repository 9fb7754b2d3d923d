"""What descale itself decided about a set that came without splits, and what to write instead."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from descale.base.errors import DataError
from descale.data.check.report import Finding
from descale.data.sample import SPLITS, Dataset
from descale.data.scenes import ByPattern, ByRun, SceneRule, source_name
from descale.data.tiles import find_tiles

ENOUGH = 3
"""Photos numbered after one name from which on it is told that they were dealt apart."""
LEAST_KEPT = 0.5
"""Share of the overlapping pairs that a rule must keep together to be suggested."""
LEAST_SCENES = 3

_UP_TO_A_NUMBER = ("^([^0-9]*[0-9]+[^0-9]+[0-9]+)", "^([^0-9]*[0-9]+)")
"""Patterns for the name up to its second and to its first number."""
_BEFORE_COORDINATES = "^(.+?)[^0-9a-zA-Z]*[a-zA-Z]{0,3}[0-9]+[^0-9]+[0-9]+$"


def numbered_apart(dataset: Dataset) -> Iterator[Finding]:
    """Photos that are numbered after one name and were dealt one by one, with the counts of each split."""
    alone = Counter(sample.group for sample in dataset.samples)
    families: dict[str, Counter[str]] = defaultdict(Counter)
    for sample in dataset.samples:
        if alone[sample.group] == 1:
            counted = re.fullmatch(r"(.*?)\d+\D*", source_name(sample.image.stem))
            if counted:
                families[counted.group(1) + "#"][sample.split] += 1
    apart = {
        stem: splits for stem, splits in families.items() if len(splits) > 1 and splits.total() >= ENOUGH
    }
    if apart:
        count = sum(splits.total() for splits in apart.values())
        yield Finding(
            "numbered photos dealt one by one", False,
            f"{count} photos are numbered after {len(apart)} names that tell no scenes; each was dealt by "
            "itself. If neighbours show one place, write 'groups: {rule: runs, length: 20}' or a "
            "pattern into the description; if they do not, 'groups: {rule: name}'.",
            tuple(
                f"{stem}: {_counts(splits)}" for stem, splits in sorted(apart.items())
            ),
        )  # fmt: skip


def tiles_apart(dataset: Dataset, *, dealt: bool) -> Iterator[Finding]:
    """Photos that are named as tiles of one photo and stand in several splits, with the counts of each.

    Args:
        dataset: the set; where names surely tell that photos are tiles and the set was dealt, they are
            together already.
        dealt: the set came without splits, so the remedy is another rule for scenes.
    """
    names = {sample.id: source_name(sample.image.stem) for sample in dataset.samples}
    tiles = find_tiles(list(names.values()))
    families: dict[str, Counter[str]] = defaultdict(Counter)
    for sample in dataset.samples:
        photo = tiles.likely(names[sample.id])
        if photo is not None:
            families[photo][sample.split] += 1
    apart = {photo: splits for photo, splits in families.items() if len(splits) > 1}
    if apart:
        count = sum(splits.total() for splits in apart.values())
        yield Finding(
            "tiles in two splits", False,
            f"{count} photos are named as tiles of {len(apart)} photos (a name, then coordinates), and those "
            f"of one photo stand in two splits. {_tiles_remedy(dataset, list(names.values()), dealt)}",
            tuple(
                f"{photo or 'names of coordinates alone'}: {_counts(splits)}"
                for photo, splits in sorted(apart.items())
            ),
        )  # fmt: skip


def _tiles_remedy(dataset: Dataset, names: Sequence[str], dealt: bool) -> str:
    places = {(source_name(sample.image.stem), sample.split) for sample in dataset.samples}
    if not dealt and len({name for name, _ in places}) < len(places):  # names begin anew in every split
        return "If they are tiles of one photo, move them to one split; else disregard this."
    if not dealt:
        return "If they are tiles, move those of one photo to one split; else write 'groups: {rule: name}'."
    fits = all(re.search(_BEFORE_COORDINATES, name) for name in names)
    rule = _written(ByPattern(rule="pattern", pattern=_BEFORE_COORDINATES)) if fits else "a pattern"
    return f"If they are tiles, write 'groups: {rule}' into the description; else 'groups: {{rule: name}}'."


def _counts(splits: Counter[str]) -> str:
    return ", ".join(f"{splits[name]} in {name}" for name in SPLITS if splits[name])


def suggested_rule(pairs: Sequence[tuple[str, str]], stems: Sequence[str]) -> str:
    """The rule that would have kept most of these pairs of names together, as it stands in a description.

    Args:
        pairs: names (without ending) of photos that belong together.
        stems: the names of all photos of the set.

    Returns:
        an empty text where no rule keeps half of them together and leaves scenes to deal.

    >>> print(suggested_rule([("a1_x0", "a1_x9")], ["a1_x0", "a1_x9", "a2_x0", "a3_x0"]))
    'groups: {rule: pattern, pattern: "^([^0-9]*[0-9]+)"}' keeps 1 of 1 pairs together
    """
    rules: list[SceneRule] = [
        *(ByPattern(rule="pattern", pattern=pattern) for pattern in _UP_TO_A_NUMBER),
        *(ByRun(rule="runs", length=length) for length in (10, 20, 50)),
    ]
    best: tuple[int, str] = (0, "")
    for rule in rules:
        try:
            scene = dict(zip(stems, rule.scenes(stems), strict=True))
        except DataError:
            continue
        kept = sum(scene[first] == scene[second] for first, second in pairs)
        if kept > best[0] and len(set(scene.values())) >= LEAST_SCENES:
            best = (kept, _written(rule))
    if best[0] < LEAST_KEPT * len(pairs):
        return ""
    return f"'groups: {best[1]}' keeps {best[0]} of {len(pairs)} pairs together"


def _written(rule: SceneRule) -> str:
    if isinstance(rule, ByPattern):
        return f'{{rule: pattern, pattern: "{rule.pattern}"}}'
    return ", ".join(f"{key}: {value}" for key, value in rule.model_dump().items()).join("{}")
