"""How long networks take on this machine: they take turns, and the median of many runs counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descale.runtime.segmenter import Segmenter

PHASES = ("pre", "inference", "post", "total")
INFERENCE = PHASES.index("inference")

Timed = Callable[[NDArray[np.uint8]], tuple[float, float, float, float]]
"""Takes uint8 (H, W, 3); returns seconds by :data:`PHASES`."""


@dataclass(frozen=True)
class Pace:
    """How long to measure.

    Attributes:
        seconds: for each network, about; a slow one takes at least ``rounds`` runs.
        rounds: how often they take turns; speed that drifts then meets all of them alike.
        warm_up: runs before, which do not count; 1 or more.
        most: runs of a network in all.
    """

    seconds: float
    rounds: int
    warm_up: int = 3
    most: int = 1000

    def runs_in_a_row(self, seconds: float) -> int:
        """Runs at each turn of a network that takes ``seconds``.

        >>> Pace(seconds=1, rounds=5).runs_in_a_row(0.02)
        10
        """
        return max(1, round(min(self.seconds / max(seconds, 1e-6), self.most) / self.rounds))


def take_turns(runs: Sequence[Callable[[], float]], pace: Pace) -> NDArray[np.float64]:
    """Time several networks beside each other.

    Args:
        runs: each runs a network once and returns the seconds that count.

    Returns:
        Seconds of a run, (networks, rounds): the median of the network's runs at that turn.
    """
    in_a_row = [pace.runs_in_a_row(min(run() for _ in range(pace.warm_up))) for run in runs]
    seconds = np.empty((len(runs), pace.rounds))
    for number in range(pace.rounds):
        order = range(len(runs))
        for turn in order if number % 2 == 0 else reversed(order):
            seconds[turn, number] = np.median([runs[turn]() for _ in range(in_a_row[turn])])
    return seconds


def seconds_of(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def phases_of(segmenter: Segmenter) -> Timed:
    """The runtime's own way from pixels to a mask, timed by phase, at the picture's own size.

    Tiles that are worked on at once share their time, so that the phases add up to the whole.
    """

    def timed(picture: NDArray[np.uint8]) -> tuple[float, float, float, float]:
        start = time.perf_counter()
        seconds = segmenter(picture, scale=1.0).seconds
        total = time.perf_counter() - start
        infer = seconds["infer"]
        before = seconds["decode"] + seconds["prepare"]
        at_once = max(1.0, (before + infer + seconds["decide"]) / total)
        before, infer = before / at_once, infer / at_once
        return before, infer, max(0.0, total - before - infer), total

    return timed


def drawn_picture(height: int, width: int) -> NDArray[np.uint8]:
    """A smooth picture with some grain, the same everywhere: uint8 (H, W, 3).

    Drawn in strips, so that it takes little more memory than it has: what measures a network's memory draws
    its picture in the same process.
    """
    picture = np.empty((height, width, 3), np.uint8)
    random = np.random.default_rng(0)
    down = [np.sin(np.arange(height, dtype=np.float32) / (20 + 9 * c)) for c in range(3)]
    across = [np.cos(np.arange(width, dtype=np.float32) / (31 - 5 * c)) for c in range(3)]
    for top in range(0, height, 64):
        strip = picture[top : top + 64]
        waves = [down[c][top : top + 64, None] + across[c][None] for c in range(3)]
        grain = random.normal(0, 10, strip.shape)
        strip[:] = np.clip(110 + 40 * np.stack(waves, axis=-1) + grain, 0, 255)
    return picture
