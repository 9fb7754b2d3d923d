from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import pytest
from tests.deploy.quantize.test_gate import Redness, data, folder, model_of

from descale.deploy.export import bundle, timing
from descale.deploy.export.bundle import Exported, export_model
from descale.deploy.export.timing import NetworkTime, Timing
from descale.deploy.quantize.pictures import QuantizationData
from descale.runtime.bundle import open_bundle
from descale.runtime.clock import Pace
from descale.runtime.engines import ENGINES

__all__ = ["data", "folder"]  # fixtures

pytestmark = pytest.mark.usefixtures("quick_tracer")

PACE = Pace(seconds=0.01, rounds=2, warm_up=1)
ONE_ENGINE = {"onnxruntime": ENGINES["onnxruntime"]}


def timed(*networks: tuple[str, str, tuple[float, ...]], failures: tuple[str, ...] = ()) -> Timing:
    int8 = any(precision == "int8" for _, precision, _ in networks)
    times = tuple(NetworkTime(*network) for network in networks)
    return Timing("a processor", 2, (64, 64), times, failures, int8)


def best(of: Timing) -> tuple[str, str]:
    assert of.best is not None
    return of.best.engine, of.best.precision


def test_int8_is_recommended_where_it_is_faster() -> None:
    found = timed(("openvino", "float32", (10, 10, 10)), ("openvino", "int8", (6, 6, 6)))
    assert best(found) == ("openvino", "int8")
    assert "without --int8" not in found.recommendation


def test_float32_is_recommended_where_it_is_faster_even_in_another_engine() -> None:
    found = timed(
        ("openvino", "float32", (8, 8, 8)), ("openvino", "int8", (12, 12, 12)),
        ("onnxruntime", "float32", (7, 7, 7)), ("onnxruntime", "int8", (9, 9, 9)),
    )  # fmt: skip
    assert best(found) == ("onnxruntime", "float32")
    assert "without --int8" in found.recommendation


@pytest.mark.parametrize("int8", [(9.7, 9.7, 9.7), (10.3, 10.3, 10.3)])
def test_what_differs_by_less_than_repeated_runs_do_is_equal(int8: tuple[float, ...]) -> None:
    found = timed(("openvino", "float32", (10, 10, 10)), ("openvino", "int8", int8))
    assert best(found) == ("openvino", "float32")
    assert "equally fast" in found.recommendation


def test_rounds_that_disagree_do_not_make_int8_faster() -> None:
    float32 = (10.0, 10.0, 10.0, 10.0, 10.0)
    found = timed(("openvino", "float32", float32), ("openvino", "int8", (9.0, 9.0, 9.0, 12.0, 12.0)))
    assert best(found) == ("openvino", "float32")


def test_speed_that_drifts_meets_both() -> None:
    found = timed(("openvino", "float32", (10, 20, 40)), ("openvino", "int8", (8, 16, 32)))
    assert best(found) == ("openvino", "int8")
    assert "something else was running" in found.recommendation


def test_a_faster_engine_that_is_not_taken_by_itself_is_named() -> None:
    found = timed(("openvino", "float32", (10, 10)), ("onnxruntime", "float32", (7, 7)))
    assert "--engine onnxruntime" in found.recommendation
    usual = timed(("openvino", "float32", (7, 7)), ("onnxruntime", "float32", (10, 10)))
    assert "--engine" not in usual.recommendation
    assert "--int8" not in usual.recommendation


def test_int8_is_not_recommended_in_an_engine_that_did_not_judge_it() -> None:
    networks = (
        ("openvino", "float32", (20.0, 20.0)), ("openvino", "int8", (7.0, 7.0)),
        ("onnxruntime", "float32", (30.0, 30.0)), ("onnxruntime", "int8", (40.0, 40.0)),
    )  # fmt: skip
    of_onnx = dataclasses.replace(timed(*networks), judged=("onnxruntime",))
    assert "--to openvino" in of_onnx.recommendation
    assert "--engine" not in of_onnx.recommendation
    of_openvino = dataclasses.replace(timed(*networks), judged=("openvino",))
    assert "--to" not in of_openvino.recommendation


def test_nothing_is_recommended_of_what_was_not_timed() -> None:
    nothing = timed(failures=("float32 in openvino: it died",))
    assert nothing.best is None
    assert nothing.to_json()["best"] is None
    one = timed(("onnxruntime", "int8", (10, 10)), failures=("float32 in onnxruntime: it died",))
    assert "may be faster" in one.recommendation


def test_both_precisions_are_timed_in_every_engine_and_kept(data: QuantizationData, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    exported = export_model(model_of(Redness()), tmp_path / "bundle.zip", int8=data, pace=PACE)
    assert exported.timing is not None
    assert [(time.engine, time.precision) for time in exported.timing.times] == [
        (engine, precision) for engine in ENGINES for precision in ("float32", "int8")
    ]
    assert all(time.ms > 0 and len(time.rounds) == 2 for time in exported.timing.times)
    assert exported.timing.size == (64, 64)
    written = open_bundle(tmp_path / "bundle.zip")
    assert written.manifest.provenance["timing"] == exported.timing.to_json()
    assert set(written.manifest.checksums) == {"network.onnx", "MODEL_CARD.md"}
    card = written.read("MODEL_CARD.md").decode()
    assert exported.timing.processor in card
    assert exported.timing.recommendation in card
    assert f"| onnxruntime | int8 | {exported.timing.times[-1].ms:.2f} |" in card


def test_each_precision_is_timed_as_such(
    data: QuantizationData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quantizes: dict[str, bool] = {}

    def look(bundles: Mapping[str, Path], *_: Any, **__: Any) -> Timing:
        for precision, path in bundles.items():
            assert open_bundle(path).manifest.precision == precision
            nodes = onnx.load(path / "network.onnx").graph.node
            quantizes[precision] = any(node.op_type == "QuantizeLinear" for node in nodes)
        return timed()

    monkeypatch.setattr(bundle, "time_networks", look)
    export_model(model_of(Redness()), tmp_path / "bundle", int8=data, pace=PACE)
    assert quantizes == {"float32": False, "int8": True}


def test_without_a_pace_nothing_is_timed(tmp_path: Path) -> None:
    exported = export_model(model_of(Redness()), tmp_path / "bundle")
    assert exported.timing is None
    assert "timing" not in exported.manifest.provenance
    assert "exported this bundle" not in (tmp_path / "bundle" / "MODEL_CARD.md").read_text()


def export_float32(tmp_path: Path) -> Exported:
    return export_model(model_of(Redness()), tmp_path / "bundle", pace=PACE)


def test_an_engine_that_does_not_load_is_told_and_the_others_are_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = dataclasses.replace(ENGINES["onnxruntime"])
    monkeypatch.setattr(timing, "ENGINES", {"broken": broken, **ONE_ENGINE})
    with caplog.at_level(logging.WARNING):
        found = export_float32(tmp_path).timing
    assert found is not None
    assert [time.engine for time in found.times] == ["onnxruntime"]
    assert "not timed: float32 in broken" in caplog.text
    assert "float32 in broken" in str(found)
    assert "Not timed: float32 in broken" in (tmp_path / "bundle" / "MODEL_CARD.md").read_text()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("WORKER", "no.such.worker", "ended with status 1"),
        ("LONGEST", 0.001, "not done after"),
        ("ENGINES", {}, "no engine is installed that opens networks for onnx"),
    ],
)
def test_no_failure_of_timing_fails_the_export(
    name: str, value: object, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, name, value)
    exported = export_float32(tmp_path)
    assert exported.timing is not None
    assert exported.timing.best is None
    assert reason in exported.timing.failures[0]
    assert open_bundle(tmp_path / "bundle").manifest.engines == {"onnx": ("network.onnx",)}
    assert reason in (tmp_path / "bundle" / "MODEL_CARD.md").read_text()
