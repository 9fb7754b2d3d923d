"""The measured side: a process that loads one network and runs it when told to.

Started as ``python -m descale.stopwatch.worker '<job as JSON>'``. It pins itself to the cores it
may use, loads, prints a line of JSON with what loading took, and then answers each line ``N`` on its
standard input with one line: the seconds of N runs by phase. To ``end`` it answers with its peak memory.
A process of its own for each network makes memory and start-up its own, and nothing warms up for another.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from descale.runtime.clock import Timed, drawn_picture, phases_of
from descale.runtime.segmenter import Segmenter

Load = Callable[[dict[str, Any]], tuple[Timed, dict[str, Any]]]
"""Loads what the job says; returns what to time and what there is to tell about it."""


def serve(load: Load) -> None:
    """Load, then answer requests until the input ends."""
    job: dict[str, Any] = json.loads(sys.argv[1])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job["threads"]])
    picture = drawn_picture(job["height"], job["width"])
    start = time.perf_counter()
    try:
        timed, told = load(job)
    except Exception as error:  # told to the parent, which raises it
        _say({"error": f"{type(error).__name__}: {error}"})
        return
    loaded = time.perf_counter()
    first = timed(picture)[-1]
    _say({"load": loaded - start, "first": first, "ready_at": time.time(), **told})
    for line in sys.stdin:
        if line.strip() == "end":
            _say({"peak_rss": peak_memory()})
            return
        _say({"seconds": [timed(picture) for _ in range(int(line))]})


def peak_memory() -> int:
    """Peak resident memory of this process in bytes; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if status.is_file():  # unlike getrusage, this forgets what the parent had before it started us
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # not on Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def load_bundle(job: dict[str, Any]) -> tuple[Timed, dict[str, Any]]:
    """The runtime's own way from pixels to a mask."""
    segmenter = Segmenter.from_bundle(job["path"], job["engine"], threads=job["threads"])
    return phases_of(segmenter), {"engine": segmenter.engine_name}


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve(load_bundle)
