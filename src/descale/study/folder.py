"""A study on disk: trial folders, results and failures, each either whole or not there.

::

    DIR/study.json                 what made it: study file, data hashes, versions, machine, every start
    DIR/results.csv                derived from the results below, rewritten whenever one is added
    DIR/trials/<hash>/trial.json   all that determines the trial
    DIR/trials/<hash>/result.json  its row; written last, so its presence says that the trial is done
    DIR/trials/<hash>/model/  confusions.csv  masks/
    DIR/trials/<hash>/failure.json why the last attempt failed; removed by the next one
    DIR/trials/<hash>/work/        checkpoints of an unfinished trial; removed when it is done
    DIR/locks/                     claims of the processes at work
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from descale.base.claims import claim, exclusive
from descale.base.errors import StudyError
from descale.base.files import write_json
from descale.study.trial import Trial

Value = str | int | float | bool | None
Row = dict[str, Value]

RESULT, FAILURE, TRIAL, RUNNING, WORK = "result.json", "failure.json", "trial.json", "running.json", "work"
MODEL = "model"


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed, and when (seconds since 1970)."""

    reason: str
    when: float


class StudyFolder:
    """The folder of one study. Safe to use from several processes at once.

    Raises:
        StudyError: ``root`` is a file, or a folder that holds something other than a study.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        if self.root.exists() and not self.root.is_dir():
            raise StudyError(f"{self.root} is a file. Choose another --out.")
        foreign = self.root.is_dir() and any(self.root.iterdir()) and not self._is_study()
        if foreign:
            raise StudyError(f"{self.root} holds files that are not a study's. Choose an empty --out.")
        self.trials.mkdir(parents=True, exist_ok=True)
        self._results: dict[str, Row] = {}

    @property
    def trials(self) -> Path:
        return self.root / "trials"

    def trial_folder(self, trial_id: str) -> Path:
        return self.trials / trial_id

    def result(self, trial_id: str) -> Row | None:
        """The row of a finished trial, or None. Read once: a result never changes."""
        row = self._results.get(trial_id)
        if row is None:
            row = _read_json(self.trials / trial_id / RESULT)
            if row is not None:
                self._results[trial_id] = row
        return row

    def failure(self, trial_id: str) -> Failure | None:
        """The last attempt's failure, unless a later attempt has begun."""
        found = _read_json(self.trials / trial_id / FAILURE)
        return Failure(str(found["reason"]), float(found["when"])) if found else None

    def claim(self, trial: Trial) -> AbstractContextManager[bool]:
        """Try to become the one process that works on ``trial``."""
        return claim(self.root / "locks" / f"{trial.id}.lock")

    def exclusive(self, name: str) -> AbstractContextManager[None]:
        """Wait for, then hold, the named lock of this study."""
        return exclusive(self.root / "locks" / f"{name}.lock")

    def begin(self, trial: Trial) -> Path:
        """Prepare the folder of a claimed trial and return it; what a killed attempt left half-done goes."""
        folder = self.trial_folder(trial.id)
        folder.mkdir(parents=True, exist_ok=True)
        remove_temporaries(folder)
        for inside in folder.iterdir():
            if inside.is_dir() and inside.name != WORK:  # what is at work there cleans up after itself
                remove_temporaries(inside)
        (folder / FAILURE).unlink(missing_ok=True)
        write_json(folder / TRIAL, trial.to_json())
        attempt = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": time.time(),
            "spent": _spent(folder),
        }
        write_json(folder / RUNNING, attempt)
        return folder

    def finish(self, trial: Trial, row: Row) -> None:
        """Record the result; from here on the trial is done.

        Column ``seconds`` is added unless the row has it: time of all attempts, each killed one counted
        up to its last checkpoint.
        """
        folder = self.trial_folder(trial.id)
        attempt = _read_json(folder / RUNNING) or {"spent": 0.0, "since": time.time()}
        seconds = float(attempt["spent"]) + time.time() - float(attempt["since"])
        complete = _finite({"seconds": round(seconds, 2), **row})
        write_json(folder / RESULT, complete)
        self._results[trial.id] = complete
        (folder / RUNNING).unlink(missing_ok=True)
        shutil.rmtree(folder / WORK, ignore_errors=True)

    def lacks_model(self, trial_id: str) -> bool:
        """Whether a finished trial's model was left behind when the folder was moved."""
        folder = self.trial_folder(trial_id)
        return (folder / RESULT).is_file() and not (folder / MODEL / "model.json").is_file()

    def reopen(self, trial_id: str) -> None:
        """Let a finished trial be run again."""
        (self.trial_folder(trial_id) / RESULT).unlink(missing_ok=True)
        self._results.pop(trial_id, None)

    def fail(self, trial_id: str, reason: str, details: str = "") -> None:
        """Record that an attempt failed; checkpoints stay for the next one."""
        folder = self.trial_folder(trial_id)
        write_json(folder / FAILURE, {"reason": reason, "when": time.time(), "details": details})

    def sweep(self) -> None:
        """Remove what killed processes left behind in finished trials and beside the results."""
        # each under the lock of those who write it: another process may be writing just now
        guarded = (("results", "results.csv"), ("results", "folds.csv"), ("manifest", "study.json"))
        for lock, name in guarded:
            with self.exclusive(lock):
                remove_temporaries(self.root, of=name)
        for entry in os.scandir(self.trials):
            work = Path(entry.path) / WORK
            if work.exists() and (Path(entry.path) / RESULT).exists():
                shutil.rmtree(work, ignore_errors=True)

    def _is_study(self) -> bool:
        return any((self.root / name).exists() for name in ("trials", "study.json", "locks"))


def remove_temporaries(folder: Path, of: str = "") -> None:
    """Remove what a killed process was writing in ``folder``: ``.<name>.<random>.part`` and ``.old``.

    Args:
        folder: where to look, not below it.
        of: name of the one file or folder whose temporaries go, by default all.
    """
    for entry in list(os.scandir(folder)):
        if entry.name.startswith(f".{of}") and entry.name.endswith((".part", ".old")):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                Path(entry.path).unlink(missing_ok=True)


def _spent(folder: Path) -> float:
    """Seconds that earlier, unfinished attempts worked, up to the last file each of them wrote."""
    attempt = _read_json(folder / RUNNING)
    if attempt is None:
        return 0.0
    files = (path.stat().st_mtime for path in (folder / WORK).rglob("*") if path.is_file())
    return float(attempt["spent"]) + max(0.0, max(files, default=0.0) - float(attempt["since"]))


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise StudyError(
            f"{path} is not valid JSON ({error}). Delete it to have its trial run again."
        ) from error
    if not isinstance(value, dict):
        raise StudyError(f"{path} does not hold a result. Delete it to have its trial run again.")
    return value


def _finite(row: Mapping[str, Value]) -> Row:
    """NaN (a score that is not defined) has no place in JSON and becomes an empty cell."""
    return {key: None if isinstance(value, float) and value != value else value for key, value in row.items()}
