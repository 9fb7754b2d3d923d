"""From drawn photos to a bundle, through the library's door."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import descale
from descale.base.errors import ConfigError, DataError, DescaleError, ExportError
from descale.compression import Compressed
from descale.compression.candidates import Candidate
from descale.compression.halving import Round
from descale.compression.result import Final
from descale.compression.time_plan import TimePlan
from descale.compression.untrained import MeasuredMs
from descale.runtime.bundle import open_bundle

FAST: dict[str, Any] = {
    "minutes": 0.2, "architectures": ("linknet",), "encoder": "tu-test_efficientnet",
    "encoder_weights": "none", "engine": "onnxruntime", "threads": 1, "int8": False,
    "devices": {"progress": False, "threads": 1},
}  # fmt: skip
LIMITS: dict[str, Any] = {"max_macs": 5e6, "max_mb": 1.0}


@pytest.fixture(scope="module", autouse=True)
def all_stages_at_once() -> Iterator[None]:
    """What ends at half resolution is tried, and searched for, in the shortest time too."""

    def brief(plan: TimePlan, order: Sequence[Candidate]) -> tuple[Round, ...]:
        return (Round(len(order), 2), Round(1, 3)) if len(order) > 1 else ()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("descale.compression.run.HALVES_FROM", 0.0)
        patched.setattr("descale.compression.time_plan.TimePlan.search_rounds", brief)
        yield


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Compressed, list[str]]:
    from descale.synthesize import synthesize

    folder = tmp_path_factory.mktemp("compress")
    photos = synthesize(folder / "photos", count=20, size=(64, 64))
    lines: list[str] = []
    result = descale.compress(photos, folder / "small.zip", **LIMITS, tell=lines.append, **FAST)
    return folder, result, lines


def test_it_ends_with_a_bundle_or_with_offers(done: tuple[Path, Compressed, list[str]]) -> None:
    folder, result, _ = done
    assert result.final is not None
    assert result.final.candidate.costs.macs <= 5e6
    if result.bundle is None:  # an epoch of training may leave a collapsed network
        assert result.missed
        assert result.offers
        assert not (folder / "small.zip").exists()
    else:
        mask = descale.Segmenter.from_bundle(result.bundle)(next((folder / "photos/test/images").iterdir()))
        assert mask.corrosion().shape == (64, 64)
    assert result.report is not None
    assert "LinkNet" in result.report.read_text()


def test_what_keeps_the_limits_is_written_beside_its_report(
    done: tuple[Path, Compressed, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same work as before, judged mildly: an epoch of training may leave a collapsed network."""
    for judgement in ("violations", "violations_by_validation"):
        monkeypatch.setattr(Final, judgement, lambda *_: ())
    photos, work = done[0] / "photos", done[0] / "small-work"
    result = descale.compress(photos, tmp_path / "small.zip", work=work, **LIMITS, **FAST)
    assert (result.bundle, result.missed) == (tmp_path / "small.zip", ())
    assert open_bundle(tmp_path / "small.zip").manifest.classes.corrosion_ids == (1,)
    assert result.report == tmp_path / "small-report.html"
    assert result.report.is_file()


def test_where_megabytes_are_limited_weights_are_stored_in_16_bits(
    done: tuple[Path, Compressed, list[str]],
) -> None:
    made = list(done[0].rglob("float32.zip"))
    assert made
    assert {open_bundle(path).manifest.provenance["weights"] for path in made} == {"float16"}


def test_it_says_what_it_does_before_it_trains(done: tuple[Path, Compressed, list[str]]) -> None:
    _, _, lines = done
    planned = next(i for i, line in enumerate(lines) if "minutes" in line)
    trained = next(i for i, line in enumerate(lines) if "training" in line)
    assert planned < trained


def test_the_same_call_trains_and_times_nothing_again(
    done: tuple[Path, Compressed, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, result, _ = done
    models = {path: path.stat().st_mtime_ns for path in (folder / "small-work").rglob("model.safetensors")}
    monkeypatch.setattr("descale.compression.finish._timed", lambda *_: pytest.fail("timed again"))
    again = descale.compress(folder / "photos", folder / "small.zip", **LIMITS, **FAST)
    assert [one.score for one in again.tried] == [one.score for one in result.tried]
    assert {path: path.stat().st_mtime_ns for path in models} == models


def test_a_candidate_is_cut_once(done: tuple[Path, Compressed, list[str]]) -> None:
    """Later runs of it begin with the widths and the units of the first."""
    folder, _, _ = done
    runs: dict[str, list[Path]] = {}
    for schedule in sorted((folder / "small-work" / "candidates").glob("*/schedule-2/units.json")):
        name, _, epochs = schedule.parent.parent.name.rpartition("-")
        if epochs != "full":
            runs.setdefault(name, []).append(schedule)
    longer = [cuts for cuts in runs.values() if len(cuts) > 1]
    assert longer
    for first, *others in longer:
        assert all(other.read_bytes() == first.read_bytes() for other in others)
    assert len(list((folder / "small-work").glob("candidates/*/between-0"))) == len(runs) + len(
        list((folder / "small-work").glob("candidates/*-full/between-0"))
    )


def test_the_work_of_another_job_is_refused(done: tuple[Path, Compressed, list[str]]) -> None:
    folder, _, _ = done
    with pytest.raises(ConfigError, match="other settings"):
        descale.compress(folder / "photos", folder / "small.zip", max_macs=6e6, **FAST)


def test_a_network_that_ends_at_half_resolution_is_made_of_the_whole_one(
    done: tuple[Path, Compressed, list[str]],
) -> None:
    dense = {one.candidate.architecture: one.epochs for one in done[1].tried if one.stage == "parent"}
    assert set(dense) == {"linknet", "linknet-half"}
    assert dense["linknet-half"] <= dense["linknet"]


def test_what_no_network_reaches_is_said_before_anything_is_trained(steel: Path, tmp_path: Path) -> None:
    result = descale.compress(steel, tmp_path / "x.zip", max_mb=0.0001, size=64, **FAST)
    assert result.bundle is None
    assert "LinkNet" in result.offers[0]
    assert "MB instead of 0.0001" in result.missed[0]
    assert not list(tmp_path.rglob("model.safetensors"))
    assert not (tmp_path / "x.zip").exists()
    decided = json.loads((tmp_path / "x-work" / "decisions.json").read_text())["decisions"]
    assert not any(key.startswith("epochs") for key in decided)


def test_with_int8_it_is_int8_that_is_timed(
    steel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[str] = []

    def opened(bundle: Path, *where: Any, **how: Any) -> Any:
        timed.append(open_bundle(bundle).manifest.precision)
        return from_bundle(bundle, *where, **how)

    from_bundle = descale.Segmenter.from_bundle
    monkeypatch.setattr("descale.compression.untrained.Segmenter.from_bundle", opened)
    for int8 in (True, None):
        how = {**FAST, "int8": int8}
        folder = tmp_path / str(int8)
        assert descale.compress(steel, folder / "x.zip", max_mb=0.0001, size=64, **how).bundle is None
        assert set(timed) == {"int8" if int8 else "float32"}
        timed.clear()


@pytest.mark.parametrize(("int8_ms", "told"), [(1.0, "1.00 ms"), (3.9, "4.00 ms")])
def test_what_fits_is_judged_in_int8_where_that_is_faster_here(
    steel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, int8_ms: float, told: str
) -> None:
    def timed(_: object, sides: Sequence[object], *, int8: bool, **__: object) -> MeasuredMs:
        return MeasuredMs((int8_ms if int8 else 4.0,) * len(sides), 1.0)

    monkeypatch.setattr("descale.compression.costs.measure_ms", timed)
    how = {**FAST, "int8": None}
    result = descale.compress(steel, tmp_path / "x.zip", max_ms=0.5, size=64, **how)
    assert told in result.offers[0]
    assert result.missed[0].endswith("ms instead of 0.5")


def test_what_fits_is_judged_in_float32_where_there_is_no_int8(
    steel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def timed(_: object, sides: Sequence[object], *, int8: bool, **__: object) -> MeasuredMs:
        if int8:
            raise ExportError("INT8 needs NNCF")
        return MeasuredMs((4.0,) * len(sides), 1.0)

    monkeypatch.setattr("descale.compression.costs.measure_ms", timed)
    lines: list[str] = []
    how: dict[str, Any] = {**FAST, "int8": None, "tell": lines.append}
    result = descale.compress(steel, tmp_path / "x.zip", max_ms=0.5, size=64, **how)
    assert "4.00 ms" in result.offers[0]
    assert any("NNCF" in line for line in lines)


def test_where_int8_is_demanded_and_refused_the_network_in_float32_is_offered(
    done: tuple[Path, Compressed, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = itertools.chain([0.9], itertools.repeat(0.1))  # float32, then INT8 however much is left out
    monkeypatch.setattr("descale.deploy.quantize.gate.corrosion_iou", lambda *_: next(scores))
    photos, out = done[0] / "photos", tmp_path / "small.zip"
    monkeypatch.setattr("descale.compression.run.HALVES_FROM", 10.0)
    result = descale.compress(photos, out, **LIMITS, size=64, **{**FAST, "int8": True})
    assert not out.exists()
    assert result.bundle is None
    assert any("INT8" in missed for missed in result.missed)
    assert result.final is not None
    assert result.final.precision == "float32"
    assert result.report is not None
    assert "INT8" in result.report.read_text()


@pytest.mark.parametrize("split", ["valid", "test"])
def test_photos_without_corrosion_choose_and_judge_nothing(steel: Path, tmp_path: Path, split: str) -> None:
    import shutil

    from PIL import Image

    bare = Path(shutil.copytree(steel, tmp_path / "bare"))
    for mask in (bare / split / "masks").iterdir():
        Image.fromarray(np.zeros((32, 32), np.uint8)).save(mask)
    with pytest.raises(DataError, match=f"'{split}' shows corrosion"):
        descale.compress(bare, tmp_path / "x.zip", max_ms=1, size=64, accept_problems=True, **FAST)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Nothing limits"),
        ({"max_ms": -1}, "above 0"),
        ({"max_ms": 1, "minutes": 0}, "--minutes"),
        ({"max_ms": 1, "minutes": float("inf")}, "--minutes"),
        ({"max_ms": 1, "threads": 999}, "--threads 999"),
        ({"max_ms": 1, "architectures": "unett"}, "did you mean unet|Did you mean unet"),
        ({"max_ms": 1, "engine": "torch"}, "torch"),
        ({"max_ms": 1, "architectures": ("unett",)}, "unet"),
        ({"max_ms": 1, "size": 100}, "multiple of 32"),
        ({"max_ms": 1, "size": "64"}, "--size '64'"),
        ({"max_ms": 1, "size": (64,)}, r"--size \(64,\)"),
        ({"max_ms": "20"}, "--max-ms '20' is not a number"),
        ({"max_ms": 1, "minutes": "60"}, "--minutes '60' is not a number"),
        ({"max_ms": 1, "seed": "0"}, "Seed '0'"),
        ({"max_ms": 1, "threads": "1"}, "threads '1'"),
        ({"max_ms": 1, "threads": 0}, "--threads 0"),
        ({"max_ms": 1, "devices": "cpu"}, "devices='cpu'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    steel: Path, tmp_path: Path, values: dict[str, object], words: str
) -> None:
    with pytest.raises(DescaleError, match=words):
        descale.compress(steel, tmp_path / "x.zip", **values)


def test_the_sizes_are_those_of_the_device(steel: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--size"):
        descale.compress(steel, tmp_path / "x.zip", max_ms=1, size=64, device_times=["times.csv"])


def test_other_encoder_weights_under_the_same_name_are_another_job(steel: Path, tmp_path: Path) -> None:
    weights = tmp_path / "encoder.safetensors"
    asked: dict[str, Any] = {**FAST, "encoder_weights": str(weights), "max_mb": 0.0001, "size": 64}
    weights.write_bytes(b"first")
    for _ in range(2):
        assert descale.compress(steel, tmp_path / "x.zip", **asked).bundle is None
    weights.write_bytes(b"second")
    with pytest.raises(ConfigError, match="encoder_weights_sha256"):
        descale.compress(steel, tmp_path / "x.zip", **asked)


def test_a_bundle_of_int8_is_judged_by_its_own_answers(
    done: tuple[Path, Compressed, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("descale.compression.finish.open_engine", _Blind)
    monkeypatch.setattr("descale.deploy.quantize.gate.corrosion_iou", lambda *_: 0.5)
    monkeypatch.setattr("descale.compression.run.HALVES_FROM", 10.0)
    result = descale.compress(
        done[0] / "photos", tmp_path / "small.zip", **LIMITS, size=64, **{**FAST, "int8": True}
    )
    assert result.final is not None
    assert result.final.precision == "int8"
    assert result.final.iou.estimate == 0.0
    assert any("INT8 network" in note for note in result.final.notes)


class _Blind:
    """An engine whose network finds nothing."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def run(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        count, height, width, _ = pictures.shape
        return np.stack([np.ones((count, height, width)), np.zeros((count, height, width))], 1).astype("f4")


def test_a_bundle_is_one_file(steel: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.zip"):
        descale.compress(steel, tmp_path / "folder", max_ms=1)


def test_times_of_another_device_are_another_job(steel: Path, tmp_path: Path) -> None:
    from tests.compression.test_device_times import write

    for name, ms in (("one", 4.0), ("other", 9.0)):
        write(tmp_path / f"{name}.csv", {0.0: ms, 0.95: ms / 2}, architecture="linknet", size=64)
    asked: dict[str, Any] = {**FAST, "encoder": "mobilenet_v2", "max_ms": 0.1, "threads": None}
    result = descale.compress(steel, tmp_path / "x.zip", device_times=[tmp_path / "one.csv"], **asked)
    assert "2.00 ms" in result.offers[0]
    with pytest.raises(ConfigError, match="--threads 1"):
        descale.compress(
            steel, tmp_path / "y.zip", device_times=[tmp_path / "one.csv"], **{**asked, "threads": 1}
        )
    with pytest.raises(ConfigError, match="device_times"):
        descale.compress(steel, tmp_path / "x.zip", device_times=[tmp_path / "other.csv"], **asked)
