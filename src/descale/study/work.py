"""The work loop: take the next trial that nobody has, run it, record it; any number of processes at once."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from descale.base.errors import DescaleError, TimeIsUp
from descale.study.config import StudyData
from descale.study.folder import Row, StudyFolder
from descale.study.results import write_results
from descale.study.trial import DataDescription, Trial
from descale.training.deadline import Deadline

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25


class TrialRunner(Protocol):
    """What a study needs of the code that trains and prunes. Must be picklable, for worker processes."""

    def describe(self, data: StudyData, root: Path) -> DataDescription:
        """Name and fingerprint of a data set; one that is generated is put under ``root``.

        Raises:
            DescaleError: it cannot be used.
        """

    def prepare(self, threads: int) -> None:
        """Called once in every process before its first trial."""

    def run(self, trial: Trial, trials: Path) -> Row:
        """Run one trial in its folder ``trials / trial.id`` and return its scores and costs.

        Work that can be continued goes to ``work/`` in that folder; parents are ``trials / parent``.
        """


class Watcher(Protocol):
    """Told what happens, for progress displays."""

    def started(self, trial: Trial) -> None: ...

    def finished(self, trial: Trial, row: Row) -> None: ...

    def failed(self, trial: Trial, reason: str) -> None: ...


def work_off(
    trials: Sequence[Trial],
    folder: StudyFolder,
    runner: TrialRunner,
    *,
    since: float,
    watcher: Watcher,
    deadline: Deadline = Deadline(),
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Run trials until each has a result, has failed in this run, or depends on one that failed.

    Trials claimed by other processes are waited for, since others may depend on them and their process
    may die.

    Args:
        since: failures before this time (seconds since 1970) are tried again, later ones are final.
        deadline: no trial begins after it.

    Raises:
        TimeIsUp: trials are left, or a training stopped between two epochs.
    """
    pending = list(trials)
    failed: set[str] = set()
    while pending:
        left: list[Trial] = []
        ran = False
        for trial in pending:
            if folder.result(trial.id) is not None:
                continue
            if _failed(trial, folder, since, failed):
                failed.add(trial.id)
                continue
            if any(folder.result(parent) is None for parent in trial.parents):
                left.append(trial)
                continue
            with folder.claim(trial) as mine:
                settled = folder.result(trial.id) is not None or _failed(trial, folder, since, failed)
                if not settled and not deadline.allows(0, time.time()):
                    raise TimeIsUp("the time of this study is up")
                if mine and not settled:
                    run_one(trial, folder, runner, watcher)
                    write_results(trials, folder)
                    ran = True
                elif not settled:
                    left.append(trial)
            if _failed(trial, folder, since, failed):
                failed.add(trial.id)
        pending = left
        if pending and not ran:
            pause(POLL_SECONDS)
    write_results(trials, folder)


def _failed(trial: Trial, folder: StudyFolder, since: float, failed: set[str]) -> bool:
    if any(parent in failed for parent in trial.parents):
        return True
    failure = folder.failure(trial.id)
    return failure is not None and failure.when >= since


def run_one(trial: Trial, folder: StudyFolder, runner: TrialRunner, watcher: Watcher) -> None:
    """Run a claimed trial and record its result or its failure; one whose time is up stays as it is."""
    watcher.started(trial)
    folder.begin(trial)
    try:
        row = runner.run(trial, folder.trials)
    except TimeIsUp:
        raise
    except Exception as error:
        reason = reason_of(error)
        logger.debug("trial %s failed", trial.id, exc_info=True)
        folder.fail(trial.id, reason, traceback.format_exc())
        watcher.failed(trial, reason)
    else:
        folder.finish(trial, row)
        watcher.finished(trial, row)


def reason_of(error: Exception) -> str:
    """One line for the status column."""
    text = " ".join(str(error).split())
    if isinstance(error, DescaleError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
