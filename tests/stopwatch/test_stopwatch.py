from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from descale.base.errors import BundleError, ConfigError
from descale.runtime.device import describe_device
from descale.stopwatch.ceiling import Ceiling, measure_ceiling
from descale.stopwatch.contestants import bundle_contestants
from descale.stopwatch.measure import Contestant, Measurement, ceiling_in_process, measure
from descale.stopwatch.report import rows, table, write_csv


def contestant(name: str = "small", **changes: object) -> Contestant:
    values = {
        "name": name, "worker": "descale.stopwatch.worker", "path": Path("bundle"),
        "engine": "onnxruntime", "precision": "float32", "bytes_on_disk": 1000, "macs": 1e9, "moved": 1e6,
    }  # fmt: skip
    return Contestant(**(values | changes))  # type: ignore[arg-type]


def measurement(name: str, *totals: float) -> Measurement:
    """One round of two runs for each of ``totals``; a tenth before, a tenth after inference."""
    seconds = np.array([[[0.1 * t, 0.8 * t, 0.1 * t, t]] * 2 for t in totals])
    return Measurement(contestant(name), seconds, start_up=0.5, load=0.2, peak_rss=10**8)


def test_speedup_is_compared_within_rounds() -> None:
    slow, fast = measurement("slow", 1.0, 2.0, 4.0), measurement("fast", 0.1, 0.1, 0.4)
    assert fast.ratio_to(slow) == pytest.approx((10, 10, 20))


def test_percentiles_are_by_phase() -> None:
    one = measurement("one", *np.linspace(0, 1, 101))
    assert one.percentile("total", 90) == pytest.approx(0.9)
    assert one.percentile("inference", 50) == pytest.approx(0.4)


@pytest.mark.parametrize(("macs", "moved", "share"), [(1e9, 0, 0.2), (0, 4e9, np.nan), (1e6, 1e9, 1.0)])
def test_roofline_takes_the_tighter_limit(macs: float, moved: float, share: float) -> None:
    seconds = np.full((1, 1, 4), 0.1)
    one = Measurement(contestant(macs=macs, moved=moved), seconds, 0, 0, 0)
    assert one.roofline_share(Ceiling(gflops=100, gigabytes=10)) == pytest.approx(share, nan_ok=True)


def test_of_int8_the_share_is_not_known_since_the_ceiling_is_of_floats() -> None:
    one = Measurement(contestant(precision="int8"), np.full((1, 1, 4), 0.1), 0, 0, 0)
    assert np.isnan(one.roofline_share(Ceiling(gflops=100, gigabytes=10)))


def test_a_ceiling_that_cannot_be_measured_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("descale.stopwatch.measure.sys.executable", "false")
    with pytest.raises(BundleError, match="ceiling could not be measured"):
        ceiling_in_process(1)


def test_weights_are_moved_once_whatever_the_size_of_the_picture(tiny_bundle: Path) -> None:
    manifest = json.loads((tiny_bundle / "bundle.json").read_text())
    manifest["provenance"]["costs"] = {
        "parameters": 500, "macs": 100, "values_moved": 1500, "macs_size": [64, 64],
    }  # fmt: skip
    (tiny_bundle / "bundle.json").write_text(json.dumps(manifest))
    for side, values in ((64, 1500), (128, 4500)):
        (one,) = bundle_contestants([tiny_bundle], size=(side, side), engines=["onnxruntime"])
        assert one.moved == 4 * values


def test_ceiling_is_positive() -> None:
    ceiling = measure_ceiling(1)
    assert ceiling.gflops > 0
    assert ceiling.gigabytes > 0


def test_rows_become_a_table_and_a_file(tmp_path: Path) -> None:
    measured = [measurement("slow", 1.0), measurement("fast", 0.05)]
    lines = rows(measured, measured[0], Ceiling(100, 10), describe_device(), size=(512, 640), threads=2)
    assert [line["speedup"] for line in lines] == [1, 20]
    assert lines[1]["pre_post_share"] == pytest.approx(0.2)
    assert table(lines).row_count == 2
    write_csv(tmp_path / "times.csv", lines)
    with (tmp_path / "times.csv").open() as stream:
        read = list(csv.DictReader(stream))
    assert read[1]["name"] == "fast"
    assert float(read[1]["total_p50_ms"]) == 50
    assert read[0]["reference"] == "slow (onnxruntime)"


@pytest.mark.parametrize(("threads", "rounds", "runs"), [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_numbers_must_be_positive(threads: int, rounds: int, runs: int) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        measure([], size=(32, 32), threads=threads, rounds=rounds, runs=runs)


def test_a_process_that_cannot_load_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be measured"):
        measure([contestant(path=tmp_path / "gone")], size=(32, 32), threads=1, rounds=1, runs=1)


def test_a_process_that_dies_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="ended with status"):
        measure([contestant(worker="no.such.worker")], size=(32, 32), threads=1, rounds=1, runs=1)


def test_unknown_engine() -> None:
    with pytest.raises(ConfigError, match="unknown"):
        bundle_contestants([], size=(32, 32), engines=["tensorrt"])
