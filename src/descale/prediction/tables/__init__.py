"""Tables of results: a registry of formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from descale.prediction.results_folder import TABLE
from descale.prediction.tables import as_coco, as_csv, as_json
from descale.prediction.tables.content import TableContent


@dataclass(frozen=True)
class TableKind:
    """One format: the name of its file and what writes it."""

    file: str
    write: Callable[[Path, TableContent], None]


TABLES: dict[str, TableKind] = {
    "csv": TableKind(f"{TABLE}.csv", as_csv.write),
    "json": TableKind(f"{TABLE}.json", as_json.write),
    "coco": TableKind(f"{TABLE}.coco.json", as_coco.write),
}

__all__ = ["TABLES", "TableContent", "TableKind"]
