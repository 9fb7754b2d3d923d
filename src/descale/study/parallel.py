"""Several processes on one study: each runs the same work loop, claims divide the trials among them."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from descale.base.errors import StudyError, TimeIsUp
from descale.study.folder import StudyFolder
from descale.study.results import write_results
from descale.study.trial import Trial
from descale.study.watch import CONSOLE, SilentWatcher
from descale.study.work import TrialRunner, work_off
from descale.training.deadline import Deadline

logger = logging.getLogger(__name__)

Value = Any  # what multiprocessing's contexts give for a shared integer has no public type

START_METHOD: Literal["spawn"] = "spawn"  # forking a process that runs threads, as torch does, can deadlock
MAX_DEATHS = 2
"""A trial whose process died this often in one run is given up."""
REFRESH_SECONDS = 0.5
STOP_SECONDS = 10
NONE = -1
"""Of a process that has taken no trial."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def work_in_parallel(
    trials: Sequence[Trial],
    folder: StudyFolder,
    runner: TrialRunner,
    *,
    since: float,
    processes: int,
    threads: int,
    deadline: Deadline = Deadline(),
) -> None:
    """Run :func:`descale.study.work.work_off` in ``processes`` processes until all is settled.

    A process that dies (out of memory, say) is replaced; its trial is continued once, then
    given up. The processes end when this one does, however it ends.

    Raises:
        StudyError: a process died before it had taken a trial.
    """
    context = multiprocessing.get_context(START_METHOD)
    useful = max(1, min(processes, _open_trials(trials, folder)))
    taken: dict[BaseProcess, Value] = {}

    def start() -> BaseProcess:
        last: Value = context.Value("i", NONE, lock=False)
        arguments = (tuple(trials), folder.root, runner, since, threads, deadline, last)
        process = context.Process(target=_worker, args=arguments, daemon=False)
        with _thread_limit(threads):
            process.start()
        taken[process] = last
        return process

    workers: list[BaseProcess] = []
    deaths: Counter[str] = Counter()
    try:
        workers = [start() for _ in range(useful)]
        with _progress() as progress:
            bar = progress.add_task("trials", total=len(trials))
            while workers:
                wait([worker.sentinel for worker in workers], timeout=REFRESH_SECONDS)
                dead = [worker for worker in workers if worker.exitcode is not None]
                workers = [worker for worker in workers if worker.exitcode is None]
                for worker in dead:
                    if worker.exitcode:
                        if taken[worker].value == NONE:
                            raise StudyError(
                                f"A worker process {_how(worker)} before it took a trial; its message stands "
                                "above."
                            )
                        _note_death(worker, trials[taken[worker].value], trials, folder, since, deaths)
                        workers.append(start())
                settled = sum(_settled(trial, folder, since) for trial in trials)
                progress.update(bar, completed=settled)
    finally:
        _stop(workers)


class _Noting(SilentWatcher):
    """Notes the number of the trial that is at work where the parent process can read it.

    The trial's folder names its process too, but the next process may have taken the trial by the time
    the parent looks.
    """

    def __init__(self, trials: Sequence[Trial], last: Value) -> None:
        self._numbers = {trial.id: number for number, trial in enumerate(trials)}
        self._last = last

    def started(self, trial: Trial) -> None:
        self._last.value = self._numbers[trial.id]


def _worker(
    trials: Sequence[Trial],
    root: Path,
    runner: TrialRunner,
    since: float,
    threads: int,
    deadline: Deadline,
    last: Value,
) -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        runner.prepare(threads)
        watcher = _Noting(trials, last)
        work_off(trials, StudyFolder(root), runner, since=since, watcher=watcher, deadline=deadline)
    except TimeIsUp:
        sys.exit(0)  # the parent says so, once for all
    except KeyboardInterrupt:
        sys.exit(0)  # the parent got it too and says so


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)  # every file is written atomically, so nothing is torn


def _note_death(
    worker: BaseProcess,
    trial: Trial,
    trials: Sequence[Trial],
    folder: StudyFolder,
    since: float,
    deaths: Counter[str],
) -> None:
    if _settled(trial, folder, since):
        logger.warning("%s: its process %s after it was done", trial.title, _how(worker))
        return
    deaths[trial.id] += 1
    if deaths[trial.id] < MAX_DEATHS:
        logger.warning("%s: its process %s; the trial is continued by another one", trial.title, _how(worker))
        return
    killed = worker.exitcode == -signal.SIGKILL
    remedy = "; out of memory? try fewer processes or a smaller batch" if killed else ""
    folder.fail(trial.id, f"its process {_how(worker)}, {MAX_DEATHS} times{remedy}")
    write_results(trials, folder)


def _how(worker: BaseProcess) -> str:
    code = worker.exitcode or 0
    return f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"


def _settled(trial: Trial, folder: StudyFolder, since: float) -> bool:
    if folder.result(trial.id) is not None:
        return True
    failure = folder.failure(trial.id)
    return failure is not None and failure.when >= since


def _open_trials(trials: Sequence[Trial], folder: StudyFolder) -> int:
    return sum(folder.result(trial.id) is None for trial in trials)


@contextmanager
def _thread_limit(threads: int) -> Iterator[None]:
    """Numerical libraries read these once, when a process first loads them."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _stop(workers: Sequence[BaseProcess]) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))
        if worker.exitcode is None:
            worker.kill()
            worker.join()


def _progress() -> Progress:
    return Progress(
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=CONSOLE,
    )
