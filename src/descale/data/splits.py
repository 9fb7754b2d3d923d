"""Divide a data set by whole scenes, the same way on every machine."""

from __future__ import annotations

import hashlib
from collections import Counter

from descale.data.description import Description, Splits
from descale.data.sample import SPLITS, Dataset, Split
from descale.data.scenes import ByName, ByStem, SceneRule

TRIED_SEEDS = 200


def split_of(group: str, shares: Splits) -> Split:
    """The split of a scene: a hash of its name laid on the shares.

    A scene's split depends on nothing else, so photos added later move no other photo.

    >>> split_of("bridge8", Splits())
    'train'
    """
    digest = hashlib.sha256(f"{shares.seed}:{group}".encode(errors="surrogateescape")).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < shares.train:
        return "train"
    return "valid" if position < shares.train + shares.valid else "test"


def scene_rule(description: Description, *, dealt: bool) -> SceneRule:
    """The rule that says which photos show one scene.

    Args:
        description: its ``groups`` come first.
        dealt: the set came without splits. Then photos that are numbered after one name stay together;
            in a set that is divided already, names are not read for more than they surely say.
    """
    if description.groups is not None:
        return description.groups
    return ByStem(rule="stem") if dealt else ByName()


def dealing(dataset: Dataset, rule: SceneRule) -> str:
    """What was decided about a set that came without splits, in one line for people."""
    sizes = Counter(sample.group for sample in dataset.samples)
    joined = {group: count for group, count in sizes.items() if count > 1}
    told = f"no splits given: {len(dataset)} photos dealt as {len(sizes)} scenes (rule '{rule.rule}')"
    if not joined:
        return f"{told}, each photo by itself: their names do not tell which belong together"
    largest = max(joined, key=lambda group: joined[group])
    return (
        f"{told}: {sum(joined.values())} photos stay with others by name, most of them in '{largest}' "
        f"({joined[largest]})"
    )


def fill_remedy(dataset: Dataset, shares: Splits) -> str:
    """What to write where a split of a set that was dealt is empty: the seed that meets the shares best."""
    sizes = Counter(sample.group for sample in dataset.samples)
    wanted = {name: share for name in SPLITS if (share := float(getattr(shares, name))) > 0}
    best: tuple[float, int, str] | None = None
    for seed in range(TRIED_SEEDS):
        tried = shares.model_copy(update={"seed": seed})
        photos = dict.fromkeys(SPLITS, 0)
        for group, count in sizes.items():
            photos[split_of(group, tried)] += count
        if all(photos[name] for name in wanted):
            miss = max(abs(photos[name] / len(dataset) - share) for name, share in wanted.items())
            counts = ", ".join(f"{count} {name}" for name, count in photos.items())
            best = min(best or (miss, seed, counts), (miss, seed, counts))
    if best is None:
        return f"There are only {len(sizes)} scenes: add photos of other places."
    described = {**shares.model_dump(exclude_defaults=True), "seed": best[1]}
    written = ", ".join(f"{key}: {value}" for key, value in described.items())
    return f"Write 'splits: {{{written}}}' into the description (gives {best[2]})."
