"""Divide a data set by whole scenes, the same way on every machine."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Iterator

from descale.base.errors import DataError
from descale.data.description import Splits
from descale.data.sample import Dataset, Split

logger = logging.getLogger(__name__)


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


def leave_one_group_out(dataset: Dataset) -> Iterator[tuple[str, Dataset]]:
    """For sets too small to split: each scene in turn is the test split.

    The scene after it (in order of name, the first after the last) is the valid split, the others
    train. Splits that the set came with are disregarded.

    Yields:
        the name of the scene held out, and the set.

    Raises:
        DataError: fewer than three scenes.
    """
    groups = sorted({sample.group for sample in dataset.samples})
    if len(groups) < 3:
        raise DataError(
            f"{dataset.name}: leaving one scene out takes at least 3 scenes, there are {len(groups)}."
        )
    for i, held_out in enumerate(groups):
        roles: dict[str, Split] = {held_out: "test", groups[(i + 1) % len(groups)]: "valid"}
        yield (
            held_out,
            dataset.with_samples(
                dataclasses.replace(sample, split=roles.get(sample.group, "train"))
                for sample in dataset.samples
            ),
        )
