"""What a table may draw on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from descale.base.classes import ClassTable
from descale.prediction.summary import PhotoResult


@dataclass(frozen=True)
class TableContent:
    """Results of a run.

    Attributes:
        classes: meaning of the mask's ids.
        results: one per photo, in the order of the input.
        skipped: (photo, reason) of those that could not be read.
        made_by: version, bundle and settings.
        masks: folder of the id masks, ``<name>.png``, in the frame of the photos.
    """

    classes: ClassTable
    results: tuple[PhotoResult, ...]
    skipped: tuple[tuple[str, str], ...]
    made_by: Mapping[str, Any]
    masks: Path
