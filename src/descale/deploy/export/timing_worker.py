"""The process that times the networks of an export: started as ``python -m`` with a job as JSON.

A process of its own, so that torch's threads do not disturb and an engine that dies does not end the export.
Its last line of output is a JSON list in the order of the networks: milliseconds by round, or why there are
none.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from descale.runtime.clock import INFERENCE, Pace, drawn_picture, phases_of, take_turns
from descale.runtime.segmenter import Segmenter


def time_all(job: dict[str, Any]) -> list[list[float] | str]:
    """Load every network, let those that run take turns."""
    picture = drawn_picture(*job["size"])

    def load(network: dict[str, str]) -> Callable[[], float]:
        timed = phases_of(
            Segmenter.from_bundle(Path(network["path"]), network["engine"], threads=job["threads"])
        )

        def run() -> float:
            return timed(picture)[INFERENCE]

        run()
        return run

    answers: list[list[float] | str] = []
    runs: list[Callable[[], float]] = []
    places: list[int] = []
    for place, network in enumerate(job["networks"]):
        try:
            runs.append(load(network))
            places.append(place)
            answers.append([])
        except Exception as error:  # of any engine; the others are timed all the same
            answers.append(" ".join(f"{type(error).__name__}: {error}".split())[:300])
    for place, rounds in zip(places, take_turns(runs, Pace(**job["pace"])), strict=True):
        answers[place] = [round(1000 * float(seconds), 4) for seconds in rounds]
    return answers


if __name__ == "__main__":
    found = time_all(json.loads(sys.argv[1]))
    sys.stdout.write("\n" + json.dumps(found) + "\n")
