"""The device's own ceiling: how fast it multiplies matrices and moves memory, measured here and now.

The roofline (Williams, Waterman & Patterson 2009, doi 10.1145/1498765.1498785): no network can be faster
than its arithmetic at the peak rate, nor than its traffic at the peak bandwidth.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from descale.runtime.clock import seconds_of

MATRIX = 1024
BYTES = 1 << 28
ROUNDS = 7


@dataclass(frozen=True)
class Ceiling:
    """Peak rates with a given number of threads.

    Attributes:
        gflops: billions of float32 operations a second; a multiply-accumulate is two.
        gigabytes: a second, read and written, of a copy larger than the caches.
    """

    gflops: float
    gigabytes: float

    def seconds(self, macs: float, moved: float) -> float:
        """Least time for so many multiply-accumulates and bytes read and written.

        >>> Ceiling(gflops=100, gigabytes=10).seconds(macs=1e9, moved=1e6)
        0.02
        """
        return max(2 * macs / (self.gflops * 1e9), moved / (self.gigabytes * 1e9))


def measure_ceiling(threads: int) -> Ceiling:
    """Best of several rounds each. The threads of the matrix product are set by the environment."""
    generator = np.random.default_rng(0)
    left, right = (generator.random((MATRIX, MATRIX), np.float32) for _ in range(2))
    product = np.empty_like(left)
    best = min(seconds_of(lambda: np.matmul(left, right, out=product)) for _ in range(ROUNDS))
    source, target = np.ones(BYTES // 4, np.float32), np.empty(BYTES // 4, np.float32)
    parts = list(zip(np.array_split(source, threads), np.array_split(target, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:

        def copy() -> None:
            list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), parts))

        moved = min(seconds_of(copy) for _ in range(ROUNDS))
    return Ceiling(gflops=2 * MATRIX**3 / best / 1e9, gigabytes=2 * BYTES / moved / 1e9)
