"""How long the networks of an export take on the machine that exports: which engine and precision pay there.

A first answer, at once and beside each other. It is this machine's: on another ``descale benchmark`` decides.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from descale.base.machine import usable_cores
from descale.runtime.bundle import write_manifest
from descale.runtime.clock import Pace
from descale.runtime.device import describe_device
from descale.runtime.engines import ENGINES
from descale.runtime.manifest import BundleManifest

logger = logging.getLogger(__name__)

WORKER = "descale.deploy.export.timing_worker"
EQUAL = 0.05
"""Times that differ by a smaller share are called equal: those of repeated measurements do, too."""
RESTLESS = 1.5
"""From this ratio between slowest and fastest round on, something else is running on the machine."""
LONGEST = 300
"""Seconds after which the measurement is given up."""


@dataclass(frozen=True)
class NetworkTime:
    """One network in one engine.

    Attributes:
        rounds: milliseconds of inference of one picture, by round; the networks took turns.
    """

    engine: str
    precision: str
    rounds: tuple[float, ...]

    @property
    def ms(self) -> float:
        """Median over the rounds."""
        return median(self.rounds)

    def beats(self, other: NetworkTime) -> bool:
        """Whether it is faster by more than :data:`EQUAL`, and faster in four of five rounds.

        Compared within a round, in which both ran one right after the other.
        """
        shares = [mine / theirs for mine, theirs in zip(self.rounds, other.rounds, strict=True)]
        return median(shares) < 1 - EQUAL and sum(share >= 1 for share in shares) <= len(shares) // 5

    def __str__(self) -> str:
        return f"{'INT8' if self.precision == 'int8' else self.precision} in {self.engine}"


@dataclass(frozen=True)
class Timing:
    """What was measured, and where.

    Attributes:
        processor: its name, and whether it multiplies 8-bit numbers fast.
        threads: that each network could use.
        size: height and width of the picture in pixels: the model's input size.
        times: by engine in the order of :data:`descale.runtime.engines.ENGINES`, float32 before INT8.
        failures: why something was not timed.
        int8: whether the bundle holds INT8 networks.
        judged: engines that INT8 was judged in; the first that is installed is taken by itself.
    """

    processor: str
    threads: int
    size: tuple[int, int]
    times: tuple[NetworkTime, ...]
    failures: tuple[str, ...]
    int8: bool
    judged: tuple[str, ...] = ()

    def fastest(self, precision: str) -> NetworkTime | None:
        """The one of that precision that takes the least time; ``None`` if none was timed."""
        return min(
            (time for time in self.times if time.precision == precision), key=lambda t: t.ms, default=None
        )

    @property
    def best(self) -> NetworkTime | None:
        """The network to use on a machine like this one: float32 unless INT8 is clearly faster."""
        float32, int8 = self.fastest("float32"), self.fastest("int8")
        if float32 is None or int8 is None:
            return float32 or int8
        return int8 if int8.beats(float32) else float32

    @property
    def recommendation(self) -> str:
        """The same in words."""
        return f"{self._precision()}{self._engine()}{self._noise()}"

    def _precision(self) -> str:
        float32, int8, best = self.fastest("float32"), self.fastest("int8"), self.best
        if best is None:
            return "Nothing was timed, so nothing is recommended."
        if float32 is None or int8 is None:
            untimed = " What was not timed may be faster." if self.failures else ""
            fastest = "is fastest" if len(self.times) > 1 else "was timed"
            return f"On this CPU {best} {fastest} ({best.ms:.3g} ms).{untimed}"
        if best is int8:
            return (
                f"On this CPU {int8} is fastest ({int8.ms:.3g} ms; {float32} {float32.ms:.3g} ms): "
                "INT8 pays on a machine like this one."
            )
        told = f"{float32.ms:.3g} ms; {int8} {int8.ms:.3g} ms"
        if float32.beats(int8):
            return (
                f"On this CPU {float32} is fastest ({told}): "
                "export without --int8 for a machine like this one."
            )
        return (
            f"On this CPU float32 and INT8 are equally fast ({float32} {told}): float32 is the simpler, "
            "export without --int8 for a machine like this one."
        )

    def _engine(self) -> str:
        """A word on the engine where the one that is taken by itself is slower."""
        held = [time for time in self.times if time.precision == ("int8" if self.int8 else "float32")]
        if not held:
            return ""
        best = min(held, key=lambda t: t.ms)
        first = next((time for time in held if time.engine in self.judged), held[0])
        if not best.beats(first):
            return ""
        if self.int8 and best.engine not in self.judged:
            return (
                f" This bundle is faster in {best.engine} ({best.ms:.3g} ms) than in {first.engine} "
                f"({first.ms:.3g} ms), where INT8 was judged: export with --to {best.engine}."
            )
        return (
            f" This bundle is faster in {best.engine} ({best.ms:.3g} ms) than in {first.engine} "
            f"({first.ms:.3g} ms), which is taken otherwise: predict with --engine {best.engine}."
        )

    def _noise(self) -> str:
        spread = max((max(time.rounds) / min(time.rounds) for time in self.times), default=1.0)
        if spread < RESTLESS:
            return ""
        return (
            f" The rounds differ by up to {spread:.1f} times, so something else was running: "
            "for reliable figures repeat it on a quiet machine."
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``bundle.json``."""
        return {
            "processor": self.processor,
            "threads": self.threads,
            "size": list(self.size),
            "networks": [
                {
                    "engine": time.engine,
                    "precision": time.precision,
                    "ms": time.ms,
                    "rounds_ms": list(time.rounds),
                }
                for time in self.times
            ],
            "not_timed": list(self.failures),
            "best": None if self.best is None else [self.best.engine, self.best.precision],
            "recommendation": self.recommendation,
        }

    def __str__(self) -> str:
        height, width = self.size
        lines = [f"timed on this machine, {self.processor}: {height}x{width}, {self.threads} threads"]
        lines += [f"  {time.engine:<12} {time.precision:<8} {time.ms:8.2f} ms" for time in self.times]
        lines += [f"  not timed: {failure}" for failure in self.failures]
        return "\n".join(
            [*lines, self.recommendation, "On another device its own `descale benchmark` decides."]
        )


def set_aside(folder: Path, place: Path, manifest: BundleManifest) -> Path:
    """Copy the networks of ``folder`` to ``place`` as a bundle that engines open; returns ``place``."""
    place.mkdir()
    for name in {name for files in manifest.engines.values() for name in files}:
        shutil.copyfile(folder / name, place / name)
    write_manifest(place, manifest)
    return place


def time_networks(
    bundles: Mapping[str, Path], manifest: BundleManifest, *, size: tuple[int, int], pace: Pace
) -> Timing:
    """Time the networks of an export beside each other, in every engine that is installed and opens them.

    Whatever fails is told, in the log too, and raises nothing.

    Args:
        bundles: by precision, folders of :func:`set_aside`.
        manifest: of one of them, for what engines read.
        size: height and width of the picture in pixels.
        pace: how long.
    """
    device, threads = describe_device(), usable_cores()
    wanted = [
        (engine, precision)
        for engine, kind in ENGINES.items()
        if kind.available() and any(key in manifest.engines for key in kind.reads)
        for precision in bundles
    ]
    failures: list[str] = []
    times: list[NetworkTime] = []
    if wanted:
        job = {
            "size": size, "threads": threads, "pace": asdict(pace),
            "networks": [{"path": str(bundles[precision]), "engine": engine} for engine, precision in wanted],
        }  # fmt: skip
        answers = _answers(job, len(wanted))
        for (engine, precision), answer in zip(wanted, answers, strict=True):
            if isinstance(answer, str):
                failures.append(f"{precision} in {engine}: {answer}")
            else:
                times.append(NetworkTime(engine, precision, tuple(answer)))
    else:
        failures.append(f"no engine is installed that opens networks for {', '.join(manifest.engines)}")
    for failure in failures:
        logger.warning("not timed: %s", failure)
    processor = f"{device.processor} {device.fast_int8}"
    int8 = "int8" in bundles
    judged = tuple(name for name, kind in ENGINES.items() if int8 and kind.reads[0] in manifest.engines)
    return Timing(processor, threads, size, tuple(times), tuple(failures), int8, judged)


def _answers(job: Mapping[str, Any], count: int) -> Sequence[list[float] | str]:
    """What the process says of each network."""
    command = [sys.executable, "-m", WORKER, json.dumps(job)]
    try:
        ran = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=LONGEST, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return [f"not done after {LONGEST} seconds"] * count
    except OSError as error:
        return [f"the process that measures cannot be started: {error}"] * count
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or ["no message"])[-1]
        return [f"the process that measures ended with status {ran.returncode}: {last[:300]}"] * count
    answers: list[list[float] | str] = json.loads(ran.stdout.splitlines()[-1])
    return answers
