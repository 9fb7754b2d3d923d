"""What runs on a Ray cluster: one scheduler per study, and one task per trial.

The scheduler is a detached actor. It owns the tasks, so they live on when the driver (the process that
a person started) dies; a new driver finds it by name. If the scheduler's own process dies, Ray starts
it again and it reads from disk what is done. A task whose worker dies is retried by Ray and continues
from the last checkpoint, if it finds it.
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import ray

from descale.cluster.remote import RemoteTrials
from descale.study.folder import StudyFolder
from descale.study.results import write_results
from descale.study.trial import Trial
from descale.study.watch import SilentWatcher
from descale.study.work import TrialRunner, reason_of, run_one

logger = logging.getLogger(__name__)

WORKER_DEATHS = 3
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Place:
    """Where a study is kept: a folder that every worker sees, or a store that all of them reach."""

    root: Path
    store: str | None = None

    @property
    def name(self) -> str:
        """Name of the study's scheduler: one per place."""
        return "descale-" + sha256((self.store or str(self.root)).encode()).hexdigest()[:16]

    def local_folder(self) -> StudyFolder:
        """The study's folder on this machine: itself, or a scratch folder of the store's mirror."""
        if self.store is None:
            return StudyFolder(self.root)
        return StudyFolder(Path(tempfile.gettempdir()) / self.name)


@dataclass(frozen=True)
class Needs:
    """What a trial takes of a machine."""

    cpus: int = 1
    gpus: int = 0


def run_trial(trial: Trial, place: Place, runner: TrialRunner, needs: Needs) -> str:
    """Run one trial on a worker; the result (or the failure) is where ``place`` says. Returns its id."""
    folder = place.local_folder()
    remote = RemoteTrials(place.store) if place.store else None
    if remote is not None:
        for parent in trial.parents:
            remote.fetch(parent, folder)
    runner.prepare(needs.cpus)
    while folder.result(trial.id) is None:
        with folder.claim(trial) as mine:  # a worker thought dead may still be at it
            if mine and folder.result(trial.id) is None:
                run_one(trial, folder, runner, SilentWatcher())
                break
        time.sleep(POLL_SECONDS)
    if remote is not None:
        done = folder.result(trial.id) is not None
        (remote.upload if done else remote.upload_failure)(folder.trial_folder(trial.id))
    return trial.id


class Scheduler:
    """Submits each trial when its parents are done, and notes what became of it."""

    def __init__(self, place: Place, runner: TrialRunner, needs: Needs, trials: Sequence[Trial]) -> None:
        self._place, self._runner, self._needs, self._trials = place, runner, needs, tuple(trials)
        self._folder = place.local_folder()
        self._remote = RemoteTrials(place.store) if place.store else None
        self._done: set[str] = set()
        self._failed: set[str] = set()
        self._error: str | None = None
        self._thread = threading.Thread(target=self._guarded, daemon=True)
        self._thread.start()

    def status(self) -> dict[str, Any]:
        """How many trials are done and failed, and whether the scheduler still works."""
        return {
            "done": len(self._done),
            "failed": len(self._failed),
            "working": self._thread.is_alive(),
            "error": self._error,
        }

    def trial_ids(self) -> list[str]:
        """Ids of the trials it works on."""
        return [trial.id for trial in self._trials]

    def _guarded(self) -> None:
        try:
            self._work_off()
        except Exception as error:
            logger.exception("the scheduler stopped")
            self._error = reason_of(error)

    def _work_off(self) -> None:
        ids = {trial.id for trial in self._trials}
        if self._remote is not None:
            self._done = self._remote.finished() & ids
        else:
            self._done = {trial_id for trial_id in ids if self._folder.result(trial_id) is not None}
        task = ray.remote(run_trial).options(
            num_cpus=self._needs.cpus,
            num_gpus=self._needs.gpus,
            max_retries=WORKER_DEATHS,
        )
        waiting = [trial for trial in self._trials if trial.id not in self._done]
        running: dict[Any, Trial] = {}
        while waiting or running:
            blocked = [t for t in waiting if any(parent in self._failed for parent in t.parents)]
            self._failed.update(trial.id for trial in blocked)
            ready = [
                t for t in waiting if t not in blocked and all(parent in self._done for parent in t.parents)
            ]
            for trial in ready:
                running[task.remote(trial, self._place, self._runner, self._needs)] = trial
            taken = {trial.id for trial in (*blocked, *ready)}
            waiting = [trial for trial in waiting if trial.id not in taken]
            if running:
                finished, _ = ray.wait(list(running), num_returns=1, timeout=None)
                for reference in finished:
                    self._settle(reference, running.pop(reference))

    def _settle(self, reference: Any, trial: Trial) -> None:
        try:
            ray.get(reference)
        except Exception as error:  # its worker died too often, or the store cannot be reached
            self._folder.begin(trial)
            self._folder.fail(trial.id, reason_of(error))
            if self._remote is not None:
                self._remote.upload_failure(self._folder.trial_folder(trial.id))
        if self._is_done(trial):
            self._done.add(trial.id)
        else:
            self._failed.add(trial.id)
        if self._remote is None:
            write_results(self._trials, self._folder)

    def _is_done(self, trial: Trial) -> bool:
        if self._remote is not None:
            return self._remote.has(trial.id)
        return self._folder.result(trial.id) is not None
