"""A data set on which nothing can be trained, or a result would be false, is refused before training."""

from __future__ import annotations

import logging
from pathlib import Path

from descale.base.errors import DataError
from descale.data.check.run import check_dataset
from descale.data.sample import Dataset
from descale.data.source import empty_remedy, find_source, is_dealt, list_source, load_dataset

logger = logging.getLogger(__name__)


def checked_dataset(source: str | Path, *, binary: bool = False, accept_problems: bool = False) -> Dataset:
    """Load a data set to train on, and check it.

    Args:
        source: as for :func:`descale.data.load_dataset`.
        binary: merge the classes to "corrosion or not".
        accept_problems: log problems that would falsify a result, and go on.

    Raises:
        DataError: there are such problems and they were not accepted, no photo is in the split ``valid``,
            or the set cannot be read.
    """
    dataset = load_dataset(source, binary=binary)
    if not dataset.split("valid"):
        place = find_source(source)
        remedy = empty_remedy(place, dataset, "valid", dealt=is_dealt(list_source(place)))
        raise DataError(
            f"{source} has no photo in the split 'valid', by which training is judged as it goes on. {remedy}"
        )
    falsifying = check_dataset(source, binary=binary).falsifying
    if falsifying:
        kinds = ", ".join(sorted({finding.kind for finding in falsifying}))
        if not accept_problems:
            raise DataError(
                f"{source}: {len(falsifying)} problems would falsify a result ({kinds}). See them with: "
                f"descale data check {source} - or go on with --accept-problems (accept_problems=True)."
            )
        logger.warning("going on with %d problems of the data: %s", len(falsifying), kinds)
    return dataset
