"""One row per photo; columns as in :class:`descale.prediction.summary.PhotoResult`, unknown values empty."""

from __future__ import annotations

import csv
from pathlib import Path

from descale.base.files import replacing_file
from descale.prediction.summary import PhotoResult
from descale.prediction.tables.content import TableContent

_DECIMALS = 6


def write(path: Path, content: TableContent) -> None:
    """Write UTF-8 CSV with a header, also when no photo could be read.

    Bytes of a file name that are no UTF-8 are written as ``\\udcXX``, as JSON has them.
    """
    columns = PhotoResult.columns() + [f"percent_{name}" for name in content.classes.names]
    with (
        replacing_file(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream,
    ):
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        for result in content.results:
            writer.writerow({key: _rounded(value) for key, value in result.flat().items()})


def _rounded(value: object) -> object:
    return round(value, _DECIMALS) if isinstance(value, float) else value
