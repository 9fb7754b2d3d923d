"""Readers of label formats. A new format is one module and one line in :data:`READERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from descale.data.description import Description
from descale.data.folders import Listing
from descale.data.readers.id_masks import read_id_masks

Reader = Callable[[Description, Path], Listing]

READERS: Mapping[str, Reader] = {
    "id-masks": read_id_masks,
}
"""Format name -> function that lists the pairs under a root."""
