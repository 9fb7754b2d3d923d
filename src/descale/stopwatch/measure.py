"""The measuring side: start a process per network, let them take turns, gather the seconds."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.base.errors import BundleError, ConfigError
from descale.runtime.clock import PHASES
from descale.stopwatch.ceiling import Ceiling

WARM_UP = 3


@dataclass(frozen=True)
class Contestant:
    """One network in one engine.

    Attributes:
        name: for the table.
        worker: module that measures it, run with ``python -m``.
        path: of the bundle or the model folder.
        engine: name of the engine.
        precision: ``float32`` or ``int8``.
        bytes_on_disk: of the files that the engine opens.
        macs: multiply-accumulates at the measured size; 0 if not known.
        moved: bytes of activations and weights read and written at that size; 0 if not known.
    """

    name: str
    worker: str
    path: Path
    engine: str
    precision: str
    bytes_on_disk: int
    macs: float
    moved: float


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was measured of one network.

    Attributes:
        seconds: (rounds, runs, 4): pre-processing, inference, post-processing, in all.
        start_up: seconds from starting the process to its first result.
        load: seconds of it spent on loading the network.
        peak_rss: bytes.
    """

    contestant: Contestant
    seconds: NDArray[np.float64]
    start_up: float
    load: float
    peak_rss: int

    def percentile(self, phase: str, percent: float) -> float:
        """Seconds of a phase of :data:`PHASES` that ``percent`` of the runs stayed under."""
        return float(np.percentile(self.seconds[..., PHASES.index(phase)], percent))

    def ratio_to(self, other: Measurement, phase: str = "total") -> tuple[float, float, float]:
        """How many times faster than ``other``: median over the rounds, lowest and highest round.

        Both are compared within a round, where they ran soon after each other.
        """
        column = PHASES.index(phase)
        mine = np.median(self.seconds[..., column], axis=1)
        theirs = np.median(other.seconds[..., column], axis=1)
        ratios = theirs / mine
        return float(np.median(ratios)), float(ratios.min()), float(ratios.max())

    def roofline_share(self, ceiling: Ceiling) -> float:
        """Least possible time over the median time of inference; NaN if the costs are not known, and of INT8:
        the ceiling is of products of 32-bit numbers, and those of 8 bits are several times faster."""
        if not self.contestant.macs or self.contestant.precision == "int8":
            return float("nan")
        least = ceiling.seconds(self.contestant.macs, self.contestant.moved)
        return least / self.percentile("inference", 50)


def measure(
    contestants: Sequence[Contestant], *, size: tuple[int, int], threads: int, rounds: int, runs: int,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Measurement]:  # fmt: skip
    """Measure all; in each round each runs ``runs`` times in a row, in an order drawn anew.

    Args:
        size: (height, width) of the picture in pixels.
        threads: that each may use; it is pinned to as many cores.
        progress: called with what is being done.

    Raises:
        BundleError: a network cannot be loaded, or its process dies.
        ConfigError: a number is not positive.
    """
    for name, value in (("threads", threads), ("rounds", rounds), ("runs", runs), ("size", min(size))):
        if value < 1:
            raise ConfigError(f"{name} must be at least 1, not {value}.")
    order = random.Random(0)
    with contextlib.ExitStack() as stack:
        workers = []
        for contestant in contestants:
            progress(f"loading {contestant.name} ({contestant.engine})")
            workers.append(stack.enter_context(_worker(contestant, size, threads)))
        for worker in workers:
            worker.run(WARM_UP)
        gathered: list[list[list[list[float]]]] = [[] for _ in contestants]
        for number in range(rounds):
            turns = list(range(len(workers)))
            order.shuffle(turns)
            for turn in turns:
                progress(f"round {number + 1} of {rounds}: {contestants[turn].name}")
                gathered[turn].append(workers[turn].run(runs))
        return [
            Measurement(contestant, np.asarray(seconds), worker.start_up, worker.load, worker.finish())
            for contestant, worker, seconds in zip(contestants, workers, gathered, strict=True)
        ]


def ceiling_in_process(threads: int) -> Ceiling:
    """:func:`measure_ceiling` in a process whose matrix library has ``threads`` threads."""
    code = (
        "from descale.stopwatch.ceiling import measure_ceiling as m;"
        f"c = m({threads}); print(c.gflops, c.gigabytes)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], env=_environment(threads), capture_output=True, text=True, check=False
    )
    if found.returncode:
        reason = (found.stderr.strip().splitlines() or ["it was killed"])[-1]
        raise BundleError(
            f"This machine's ceiling could not be measured ({reason}). It takes about 600 MB of memory: end "
            "other programs."
        )
    gflops, gigabytes = map(float, found.stdout.split())
    return Ceiling(gflops, gigabytes)


class _Worker:
    """A running worker process."""

    def __init__(self, contestant: Contestant, size: tuple[int, int], threads: int) -> None:
        job = {
            "path": str(contestant.path), "engine": contestant.engine,
            "height": size[0], "width": size[1], "threads": threads,
        }  # fmt: skip
        self._contestant = contestant
        started = time.time()
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", contestant.worker, json.dumps(job)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            env=_environment(threads), text=True,
        )  # fmt: skip
        try:
            ready = self._read()
        except BundleError:
            self.close()
            raise
        self.start_up = float(ready["ready_at"]) - started
        self.load = float(ready["load"])

    def run(self, runs: int) -> list[list[float]]:
        found: list[list[float]] = self._ask(str(runs))["seconds"]
        return found

    def finish(self) -> int:
        return int(self._ask("end")["peak_rss"])

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self._errors):
            with contextlib.suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()

    def _ask(self, request: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{request}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        while line and not line.startswith("{"):  # what a library prints on its own
            line = self.process.stdout.readline()
        if not line:
            raise self._died()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BundleError(f"{self._contestant.path}: cannot be measured: {answer['error']}")
        return answer

    def _died(self) -> BundleError:
        self.process.kill()
        self.process.wait()
        self._errors.seek(0)
        errors = self._errors.read().strip()
        last = errors.splitlines()[-1] if errors else "no message"
        return BundleError(
            f"{self._contestant.path}: the process that measured it ended with status "
            f"{self.process.returncode}: {last}. Too little memory? Try a smaller --size."
        )


@contextlib.contextmanager
def _worker(contestant: Contestant, size: tuple[int, int], threads: int) -> Iterator[_Worker]:
    worker = _Worker(contestant, size, threads)
    try:
        yield worker
    finally:
        worker.close()


def _environment(threads: int) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, str(threads))}
