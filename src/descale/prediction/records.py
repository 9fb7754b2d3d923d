"""Records of finished photos: ``photos/<name>.json``, written last, vouch for a photo's other files.

A later run takes the record instead of predicting again, if the photo, the bundle and the settings
are the same.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from descale.base.files import cannot_write, write_json
from descale.prediction.results_folder import RECORDS
from descale.prediction.sources import PhotoSource
from descale.prediction.summary import PhotoResult

logger = logging.getLogger(__name__)


def run_key(run: Mapping[str, Any]) -> str:
    """The same for runs whose results are the same: photos that one has done the other need not predict."""
    return hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()


SHOWN_ONLY = frozenset({"descale", "engine", "overlay", "page"})
"""What a run notes but what does not change what is found, beyond rounding."""


def found_key(run: Mapping[str, Any]) -> str:
    """The same for runs that find the same, whatever they show of it."""
    return run_key({key: value for key, value in run.items() if key not in SHOWN_ONLY})


class PhotoRecords:
    """The records of a folder of results, as one run sees them.

    Args:
        out: folder of the results.
        run: what determines the results, see :func:`descale.prediction.batch.describe_run`.
        wanted: folder and suffix of the files of a photo, without which it is not done.
    """

    def __init__(self, out: Path, run: Mapping[str, Any], wanted: Mapping[str, str]) -> None:
        self._out = out
        self._wanted = dict(wanted)
        self._key, self._found_key = run_key(run), found_key(run)

    def find(self, source: PhotoSource) -> PhotoResult | None:
        """The result of a photo that this run need not predict, or ``None``.

        Raises:
            DescaleError: no record could be written either: its name would be too long.
        """
        path = self._path(source)
        try:
            if source.stamp is None or not path.is_file():
                return None
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            result = PhotoResult.from_json(record["result"])
            same = (
                record["run"] == self._key
                and tuple(record["stamp"]) == source.stamp
                and result.photo == source.origin
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            logger.warning("%s: not a record of this version; the photo is predicted again", path)
            return None
        if not same:
            logger.info(
                "%s: done before from another photo, bundle or setting; predicted again", source.origin
            )
            return None
        files = [self._out / kind / f"{source.name}{suffix}" for kind, suffix in self._wanted.items()]
        missing = [path for path in files if not path.is_file()]
        if missing:
            logger.info("%s: %s is missing; predicted again", source.origin, missing[0])
        return None if missing else result

    def forget(self, source: PhotoSource) -> None:
        """Remove a record before the files it vouches for are overwritten.

        Raises:
            DescaleError: it cannot be removed, or its name would be too long.
        """
        path = self._path(source)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(path, error) from error

    def write(self, source: PhotoSource, result: PhotoResult) -> None:
        """Vouch for the files of a photo, which are complete."""
        record = {
            "run": self._key, "found_by": self._found_key, "stamp": source.stamp, "result": result.to_json(),
        }  # fmt: skip
        write_json(self._path(source), record)

    def _path(self, source: PhotoSource) -> Path:
        return self._out / RECORDS / f"{source.name}.json"
