"""``--ray ADDRESS``: hand a study to a scheduler on a Ray cluster, watch it, and bring the results home.

Every machine of the cluster needs the same version of descale and sees the data under the same path;
the study's folder must be shared too, unless the trials are kept in a store. Ray is imported only here
and in what this module imports.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from descale.base.errors import StudyError
from descale.study.folder import Row
from descale.study.manifest import record_start
from descale.study.results import write_results
from descale.study.run import Study, report_failures
from descale.study.trial import Trial
from descale.study.watch import CONSOLE
from descale.study.work import TrialRunner

if TYPE_CHECKING:
    from descale.cluster.ray_tasks import Needs, Place

logger = logging.getLogger(__name__)

NAMESPACE = "descale"
POLL_SECONDS = 0.5
CONNECT_SECONDS = 60
KNOCK_SECONDS = 5


def run_on_ray(
    study: Study,
    runner: TrialRunner,
    *,
    address: str,
    store: str | None = None,
    threads: int = 1,
    gpus: int = 0,
) -> list[tuple[Trial, Row]]:
    """Work a study off on a Ray cluster.

    The cluster goes on if this process dies; call it again to watch on and to collect.

    Args:
        address: ``HOST:PORT`` or ``ray://HOST:PORT`` of a cluster, ``auto`` for the one this machine is
            part of, ``local`` to start one here that ends with this process.
        store: fsspec URL where trials are kept; default: the study's folder, which all machines share.
        threads, gpus: what one trial takes.

    Raises:
        PartialFailure: some trials failed.
        StudyError: Ray is not installed, the cluster cannot be reached, or its scheduler stopped.
    """
    ray = connect(address)
    from descale.cluster.ray_tasks import Needs, Place

    place = Place(study.folder.root.resolve(), store)
    record_start(
        study.folder, study.config.name, study.file, study.text, study.trials, parallel=0, threads=threads
    )
    try:
        scheduler = _scheduler(ray, place, runner, Needs(threads, gpus), study.trials)
        _watch(ray, scheduler, len(study.trials))
        ray.kill(scheduler)
    finally:
        if store is not None:
            _collect(study, store)
        write_results(study.trials, study.folder)
        if address == "local":
            ray.shutdown()
    rows = study.rows()
    report_failures(rows, len(study.trials))
    return rows


def connect(address: str) -> Any:
    """The module ``ray``, connected to a cluster.

    Raises:
        StudyError: Ray is not installed, or nobody answers at ``address``.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise StudyError("--ray needs Ray. Install it with: pip install 'descale[ray]'") from None
    if ray.is_initialized():
        return ray
    _knock(address)
    settings: dict[str, Any] = {"namespace": NAMESPACE, "log_to_driver": False, "logging_level": "warning"}
    if address == "local":
        settings["include_dashboard"] = False
    try:
        ray.init(address=address, **settings)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _nobody(address, error) from error
    return ray


def _knock(address: str) -> None:
    """Ray itself waits for minutes where nobody listens."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        return
    if not port.isdigit():
        raise StudyError(f"--ray {address}: expected HOST:PORT, auto or local.")
    try:
        socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()
    except OSError as error:
        raise _nobody(address, error) from error


def _nobody(address: str, error: Exception) -> StudyError:
    return StudyError(
        f"--ray {address}: no Ray cluster answers there ({reason(error)}). Start one with "
        "'ray start --head', or use --ray local."
    )


def reason(error: Exception) -> str:
    """First line of an error of Ray's, which explain themselves at length."""
    return str(error).strip().split("\n")[0][:200]


def _scheduler(ray: Any, place: Place, runner: TrialRunner, needs: Needs, trials: Sequence[Trial]) -> Any:
    """The study's scheduler: the one that is at work, or a new one."""
    from descale.cluster.ray_tasks import Scheduler

    try:
        found = ray.get_actor(place.name, namespace=NAMESPACE)
        status = ray.get(found.status.remote(), timeout=CONNECT_SECONDS)
        same = set(ray.get(found.trial_ids.remote())) == {trial.id for trial in trials}
        if status["working"] and same:
            CONSOLE.print("the cluster is at work on this study already; watching it")
            return found
        if status["working"]:
            raise StudyError(
                "The cluster is at work on another version of this study. Wait for it, or take another --out."
            )
        ray.kill(found)  # it is done; this start retries what failed
    except ValueError:
        pass  # there is none
    except ray.exceptions.RayActorError:
        pass  # it has just gone
    actor = ray.remote(Scheduler).options(
        name=place.name,
        namespace=NAMESPACE,
        get_if_exists=True,
        lifetime="detached",
        num_cpus=0,
        max_restarts=-1,
        max_task_retries=-1,
    )
    return actor.remote(place, runner, needs, tuple(trials))


def _watch(ray: Any, scheduler: Any, total: int) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("trials on the cluster"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=CONSOLE) as progress:
        bar = progress.add_task("trials", total=total)
        while True:
            try:
                status = ray.get(scheduler.status.remote())
            except ray.exceptions.RayActorError as error:
                raise StudyError(
                    f"The study's scheduler is gone ({reason(error)}). Run the same command again."
                ) from error
            progress.update(bar, completed=status["done"] + status["failed"])
            if status["error"]:
                raise StudyError(f"The study's scheduler stopped: {status['error']}")
            if not status["working"]:
                return
            time.sleep(POLL_SECONDS)


def _collect(study: Study, store: str) -> None:
    """Bring finished trials and failures from the store into the study's folder."""
    from descale.cluster.remote import RemoteTrials

    remote = RemoteTrials(store)
    finished = remote.finished()
    for trial in study.trials:
        if trial.id in finished:
            remote.fetch(trial.id, study.folder)
        else:
            remote.fetch_failure(trial.id, study.folder)
