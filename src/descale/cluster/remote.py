"""Finished trials in an object store (``s3://``, ``gs://``, any fsspec URL), mirrored to local folders.

An object store has no rename and no locks, so a trial is worked on in a local folder and copied when it
is done, ``result.json`` last: in the store, too, its presence says that the trial is complete.
Checkpoints stay on the machine that wrote them. fsspec is imported only here.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from descale.base.errors import StudyError
from descale.base.files import replacing_file, write_json
from descale.study.folder import FAILURE, RESULT, RUNNING, WORK, StudyFolder

logger = logging.getLogger(__name__)


class RemoteTrials:
    """The trial folders under ``url/trials``.

    Raises:
        StudyError: fsspec or the package for this kind of URL is missing, or the URL cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            import fsspec
        except ModuleNotFoundError:
            raise StudyError("--store needs fsspec. Install it with: pip install 'descale[ray]'") from None
        try:
            filesystem, path = fsspec.core.url_to_fs(self.url)
            filesystem.makedirs(f"{path}/trials", exist_ok=True)
        except (ImportError, ValueError, OSError) as error:
            raise StudyError(
                f"--store {url}: {error}. Install the package for it (s3fs, gcsfs, ...), check the address "
                "and your credentials."
            ) from error
        self._files: Any = filesystem
        self._root = f"{path}/trials"

    def finished(self) -> set[str]:
        """Ids of all trials that have a result in the store; one listing, nothing is read."""
        found = self._files.glob(f"{self._root}/*/{RESULT}")
        return {str(path).split("/")[-2] for path in found}

    def has(self, trial_id: str) -> bool:
        """Whether a trial has a result in the store."""
        self._files.invalidate_cache()
        return bool(self._files.exists(f"{self._root}/{trial_id}/{RESULT}"))

    def upload(self, folder: Path) -> None:
        """Copy a finished trial folder, its result last."""
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and _travels(path, folder)]
        for path in [*(path for path in files if path != folder / RESULT), folder / RESULT]:
            target = f"{self._root}/{folder.name}/{path.relative_to(folder).as_posix()}"
            self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(path), target)

    def fetch(self, trial_id: str, folder: StudyFolder) -> None:
        """Copy a finished trial from the store into a study folder unless it is there, its result last."""
        target = folder.trial_folder(trial_id)
        if (target / RESULT).exists():
            return
        base = f"{self._root}/{trial_id}"
        names = [str(path)[len(base) + 1 :] for path in self._files.find(base)]
        for name in [*(name for name in names if name != RESULT), RESULT]:
            with replacing_file(target / name) as temporary:
                self._files.get_file(f"{base}/{name}", str(temporary))

    def upload_failure(self, folder: Path) -> None:
        """Copy why a trial failed."""
        self._files.makedirs(f"{self._root}/{folder.name}", exist_ok=True)
        self._files.put_file(str(folder / FAILURE), f"{self._root}/{folder.name}/{FAILURE}")

    def fetch_failure(self, trial_id: str, folder: StudyFolder) -> None:
        """Bring the failure of a trial, if it has one."""
        try:
            text = self._files.cat_file(f"{self._root}/{trial_id}/{FAILURE}")
        except FileNotFoundError:
            return
        write_json(folder.trial_folder(trial_id) / FAILURE, json.loads(text))


def _travels(path: Path, folder: Path) -> bool:
    first = path.relative_to(folder).parts[0]
    return first not in (WORK, RUNNING, FAILURE) and not first.startswith(".")
