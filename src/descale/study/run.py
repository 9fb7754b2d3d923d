"""Run a study: expand it, work it off in this process or in several, and say how it went."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from descale.base.errors import PartialFailure, StudyError, TimeIsUp
from descale.base.files import read_text
from descale.base.machine import usable_cores
from descale.study.config import StudyConfig, load_study
from descale.study.folder import Row, StudyFolder
from descale.study.manifest import record_start
from descale.study.parallel import work_in_parallel
from descale.study.results import DONE, all_rows, write_results
from descale.study.trial import POOLED, Trial
from descale.study.trials import expand
from descale.study.watch import LineWatcher
from descale.study.work import TrialRunner, work_off
from descale.training.deadline import Deadline

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Study:
    """A study that has been read, validated and expanded, in its folder."""

    config: StudyConfig
    file: Path
    text: str
    trials: tuple[Trial, ...]
    folder: StudyFolder

    def rows(self) -> list[tuple[Trial, Row]]:
        """Every trial that has a result or a failure, in order."""
        return all_rows(self.trials, self.folder)


def open_study(file: Path, out: Path, runner: TrialRunner) -> Study:
    """Read and validate a study file, look at its data, and open (or make) its folder.

    Raises:
        StudyError: the file or the folder cannot be used.
        DataError: a data set cannot be used.
    """
    config = load_study(file)
    folder = StudyFolder(out)
    with folder.exclusive("data"):  # two starts at once must not both generate an embedded data set
        trials = expand(config, lambda data: runner.describe(data, folder.root))
    return Study(config, Path(file).resolve(), read_text(Path(file)), trials, folder)


def asked_threads(study: Study, threads: int | None) -> int | None:
    """Threads of each process as they were asked for, here or in the study file; ``None`` if nowhere.

    Raises:
        StudyError: the two differ.
    """
    of_file = study.config.devices.threads
    if threads is not None and of_file is not None and threads != of_file:
        raise StudyError(
            f"--threads {threads}: devices.threads of the study file says {of_file}; leave one out."
        )
    return threads or of_file


def run_study(
    study: Study,
    runner: TrialRunner,
    *,
    parallel: int = 1,
    threads: int | None = None,
    deadline: Deadline = Deadline(),
) -> list[tuple[Trial, Row]]:
    """Work a study off; what is done is never done again, what failed before is tried again.

    Args:
        parallel: number of processes.
        threads: threads of each process; default: those of the study file, else the machine's cores
            divided by ``parallel``.
        deadline: no trial begins after it. Trainings stop between epochs by the runner's own settings.

    Returns:
        Every trial with its row, in order.

    Raises:
        TimeIsUp: trials are left; the same call goes on with them, wherever the folder then lies.
        PartialFailure: some trials failed or did not run; the others are done and recorded.
        StudyError: a setting makes no sense, or a worker process could not even start.
    """
    if parallel < 1:
        raise StudyError(f"--parallel {parallel}: give 1 or more processes.")
    if threads is not None and threads < 1:
        raise StudyError(f"--threads {threads}: give 1 or more threads to each process.")
    threads = asked_threads(study, threads) or max(1, usable_cores() // parallel)
    folder, trials = study.folder, study.trials
    folder.sweep()
    record_start(
        folder, study.config.name, study.file, study.text, trials, parallel=parallel, threads=threads
    )
    _reopen_parents(trials, folder)
    write_results(trials, folder)
    since = time.time()
    try:
        if parallel == 1:
            runner.prepare(threads)
            work_off(
                trials, folder, runner, since=since, watcher=LineWatcher(trials, folder), deadline=deadline
            )
        else:
            work_in_parallel(
                trials, folder, runner, since=since, processes=parallel, threads=threads, deadline=deadline
            )
    except TimeIsUp as stopped:
        logger.info("%s", stopped)
    finally:
        write_results(trials, folder)
    rows = study.rows()
    if deadline.at is not None and len(rows) < len(trials):
        done = sum(row["status"] == DONE for _, row in rows)
        raise TimeIsUp(
            f"Time is up: {done} of {len(trials)} trials are done, {len(rows) - done} failed, "
            f"{len(trials) - len(rows)} are left. Run the same command again to continue."
        )
    report_failures(rows, len(trials))
    if len(rows) < len(trials):
        raise PartialFailure(
            f"{len(trials) - len(rows)} of {len(trials)} trials did not run: their processes were ended. "
            "Run the same command again to continue."
        )
    return rows


def report_failures(rows: Sequence[tuple[Trial, Row]], planned: int) -> None:
    """Say which trials failed.

    Raises:
        PartialFailure: at least one did.
    """
    failed = [(trial, row) for trial, row in rows if row["status"] != DONE]
    for trial, row in failed:
        logger.warning("%s: %s", trial.title, row["status"])
    if failed:
        raise PartialFailure(
            f"{len(failed)} of {planned} trials failed (column 'status' of results.csv says why). "
            "Run the same command again to retry them."
        )


def _reopen_parents(trials: Sequence[Trial], folder: StudyFolder) -> None:
    """Let finished trials be trained again whose models others still begin with, but which are not there: a
    folder may travel without them."""
    by_id = {trial.id: trial for trial in trials}
    for trial in reversed(trials):  # a slim network is of a pruned one, which is of a dense one
        if trial.kind == POOLED or folder.result(trial.id) is not None:
            continue
        parent = by_id.get(trial.like or trial.dense or "")
        while parent is not None and folder.lacks_model(parent.id):
            with folder.claim(parent) as mine:
                if not mine:  # another process is at it
                    break
                logger.warning(
                    "%s: its model is not in the folder and others begin with it, so it is trained again",
                    parent.title,
                )
                folder.reopen(parent.id)
            parent = by_id.get(parent.like or parent.dense or "")
