from __future__ import annotations

import csv
from pathlib import Path

import pytest

from descale.base.errors import ConfigError
from descale.compression.device_times import COLUMNS, network_name, read_times, write_networks
from descale.compression.untrained import Untrained
from descale.models import make_spec
from descale.runtime.bundle import BundleManifest, open_bundle

ENCODER = "mobilenet_v2"


def write(
    path: Path, times: dict[float, float], *, architecture: str = "unet", size: int = 512, **other: str
) -> Path:
    """A file as ``descale benchmark --csv`` writes it."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*COLUMNS, "precision"])
        writer.writeheader()
        for sparsity, ms in times.items():
            row = {
                "name": network_name(architecture, ENCODER, sparsity), "engine": "onnxruntime",
                "height": size, "width": size, "threads": 4, "inference_p50_ms": ms, "device": "a board",
                "precision": "float32",
            }  # fmt: skip
            writer.writerow({**row, **other})
    return path


def test_what_was_measured_is_given_back_and_between_lies_between(tmp_path: Path) -> None:
    times = read_times([write(tmp_path / "t.csv", {0.0: 400, 0.5: 100, 0.75: 25})], "onnxruntime")
    assert times.ms("unet", ENCODER, 0.5, (512, 512)) == pytest.approx(100)
    assert times.ms("unet", ENCODER, 0.25, (512, 512)) == pytest.approx(200)
    assert (times.device, times.threads, times.sides) == ("a board", 4, ((512, 512),))


def test_times_count_for_the_precision_that_will_run(tmp_path: Path) -> None:
    files = [
        write(tmp_path / f"{precision}.csv", {0.0: ms, 0.95: ms / 2}, precision=precision, threads="4.0")
        for precision, ms in (("float32", 400.0), ("int8", 100.0))
    ]
    for int8, ms in ((False, 400), (True, 100)):
        times = read_times(files, "onnxruntime", int8=int8)
        assert (times.ms("unet", ENCODER, 0.0, (512, 512)), times.threads) == (pytest.approx(ms), 4)


def test_networks_of_another_engine_or_precision_are_not_taken_for_those_that_were_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("descale.compression.device_times.CARRIED", (0.9,))
    network = Untrained(make_spec("linknet", "tu-test_efficientnet"))

    def written(target: str, *, int8: bool) -> tuple[BundleManifest, int]:
        (path,) = write_networks([network], tmp_path, target, int8=int8)
        return open_bundle(path).manifest, path.stat().st_mtime_ns

    first, when = written("onnx", int8=False)
    assert (tuple(first.engines), first.precision) == (("onnx",), "float32")
    assert written("onnx", int8=False)[1] == when
    assert tuple(written("openvino", int8=False)[0].engines) == ("openvino",)
    assert written("onnx", int8=True)[0].precision == "int8"


def test_sizes_come_from_one_file_each(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "large.csv", {0.0: 400, 0.95: 20}),
        write(tmp_path / "small.csv", {0.0: 100, 0.95: 5}, size=256),
    ]
    times = read_times(files, "onnxruntime")
    assert times.sides == ((512, 512), (256, 256))
    assert times.ms("unet", ENCODER, 0.95, (256, 256)) == pytest.approx(5)


def test_what_was_not_measured_is_refused(tmp_path: Path) -> None:
    times = read_times([write(tmp_path / "t.csv", {0.0: 400, 0.5: 100})], "onnxruntime")
    with pytest.raises(ConfigError, match="fpn"):
        times.ms("fpn", ENCODER, 0.5, (512, 512))
    with pytest.raises(ConfigError, match=r"0\.9"):
        times.ms("unet", ENCODER, 0.9, (512, 512))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"inference_p50_ms": "-1"}, "measure it again"),
        ({"inference_p50_ms": "fast"}, "inference_p50_ms 'fast'"),
        ({"engine": "openvino"}, "openvino"),
        ({"name": "unet-agp"}, "untrained"),
        ({"threads": "four"}, "threads 'four'"),
        ({"threads": ""}, "threads ''"),
        ({"precision": "int8"}, "only times of int8"),
    ],
)
def test_a_file_that_says_nothing_useful_is_refused(
    tmp_path: Path, other: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        read_times([write(tmp_path / "t.csv", {0.0: 400}, **other)], "onnxruntime")


def test_times_of_two_devices_are_refused(tmp_path: Path) -> None:
    files = [write(tmp_path / "a.csv", {0.0: 1}), write(tmp_path / "b.csv", {0.5: 1}, device="another")]
    with pytest.raises(ConfigError, match="another"):
        read_times(files, "onnxruntime")


def test_how_busy_the_device_was_makes_no_other_device_of_it(tmp_path: Path) -> None:
    files = [
        write(
            tmp_path / f"{size}.csv", {0.0: size}, size=size, device=f"a board, 4 cores; load {load}; torch"
        )
        for size, load in ((256, "0.3"), (512, "2.1"))
    ]
    assert read_times(files, "onnxruntime").device == "a board, 4 cores; torch"


def test_sizes_of_their_own_leave_nothing_to_choose_from(tmp_path: Path) -> None:
    files = [write(tmp_path / "a.csv", {0.0: 400}), write(tmp_path / "b.csv", {0.5: 5}, size=256)]
    with pytest.raises(ConfigError, match="no size"):
        read_times(files, "onnxruntime")


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", {0.0: 400, 0.5: 90})
    path.write_text(path.read_text()[:-25])
    with pytest.raises(ConfigError, match="a row ends too early"):
        read_times([path], "onnxruntime")


def test_no_table_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("hello\n")
    with pytest.raises(ConfigError, match=r"t\.csv"):
        read_times([tmp_path / "t.csv"], "onnxruntime")
    with pytest.raises(ConfigError, match=r"none\.csv"):
        read_times([tmp_path / "none.csv"], "onnxruntime")
