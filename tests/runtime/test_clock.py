from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from descale.runtime.clock import PHASES, Pace, drawn_picture, phases_of, seconds_of, take_turns
from descale.runtime.device import describe_device
from descale.runtime.segmenter import Segmenter


def test_networks_take_turns_and_each_begins_as_often() -> None:
    said: list[str] = []

    def run(name: str) -> Callable[[], float]:
        return lambda: said.append(name) or 1.0  # type: ignore[func-returns-value]

    take_turns([run("a"), run("b")], Pace(seconds=0, rounds=4, warm_up=1))
    assert "".join(said[2:]) == "abbaabba"


def test_the_median_of_a_turn_counts_and_warming_up_does_not() -> None:
    times: Iterator[float] = chain([9.0, 9.0, 0.1], [0.1, 5.0, 0.2], repeat(0.3))
    found = take_turns([lambda: next(times)], Pace(seconds=0.6, rounds=2, warm_up=3))
    np.testing.assert_allclose(found, [[0.2, 0.3]])


def test_a_fast_network_runs_as_long_as_a_slow_one() -> None:
    pace = Pace(seconds=1, rounds=5)
    assert [pace.runs_in_a_row(seconds) for seconds in (0.005, 0.05, 3.0)] == [40, 4, 1]
    assert replace(pace, most=60).runs_in_a_row(0.005) == 12
    assert pace.runs_in_a_row(0.0) == 200


def test_seconds_of_a_call() -> None:
    assert 0 <= seconds_of(lambda: None) < 1


def test_phases_of_a_bundle_add_up(tiny_bundle: Path) -> None:
    timed = phases_of(Segmenter.from_bundle(tiny_bundle, "onnxruntime"))
    seconds = dict(zip(PHASES, timed(drawn_picture(64, 96)), strict=True))
    assert min(seconds["inference"], seconds["total"]) > 0
    assert sum(seconds[phase] for phase in PHASES[:3]) == pytest.approx(seconds["total"], rel=0.01)


def test_phases_of_tiles_that_run_at_once_share_the_time_there_was() -> None:
    def two_at_once(_: object, *, scale: float) -> SimpleNamespace:
        time.sleep(0.05)
        return SimpleNamespace(seconds={"decode": 0.0, "prepare": 0.02, "infer": 0.06, "decide": 0.02})

    segmenter: Any = two_at_once
    seconds = dict(zip(PHASES, phases_of(segmenter)(drawn_picture(32, 32)), strict=True))
    assert seconds["inference"] == pytest.approx(0.6 * seconds["total"], rel=0.01)
    assert sum(seconds[phase] for phase in PHASES[:3]) == pytest.approx(seconds["total"], rel=0.01)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("avx2", "avx512_vnni", "amx_int8"), "with AVX-512 VNNI and AMX"),
        (("avx", "avx2"), "without VNNI or AMX"),
        (("asimd", "asimddp"), "with dot product"),
        (("asimd",), "without 8-bit dot products"),
        ((), "VNNI or AMX unknown"),
    ],
)
def test_whether_a_processor_multiplies_8_bits_fast(flags: tuple[str, ...], words: str) -> None:
    assert replace(describe_device(), flags=flags).fast_int8 == words
