"""What ``descale compress`` says and how it ends; compressing itself is tested elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from descale.compression.candidates import Candidate, Costs
from descale.compression.result import Final
from descale.compression.run import Compressed
from descale.evaluation.bootstrap import Interval

NETWORK = Candidate("unet", (384, 384), 0.5, Costs(9.0, 1e9, 1_000_000))


def final(folder: Path) -> Final:
    iou, drop = Interval(0.7, 0.6, 0.8, 40, 20, 1), Interval(0.02, 0.0, 0.04, 40, 20, 1)
    return Final(NETWORK, folder, "test", iou, drop, "int8", 8.8, 1.2, 0.02, (), (), "", ())


@pytest.mark.parametrize(("kept", "status"), [(True, 0), (False, 1)])
def test_it_tells_what_came_of_it(
    descale: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool, status: int
) -> None:
    asked: dict[str, Any] = {}
    bundle, report = tmp_path / "small.zip", tmp_path / "small-report.html"
    result = Compressed(bundle, report, final(tmp_path))
    if not kept:
        result = Compressed(None, report, final(tmp_path), (), ("U-Net: 30 ms",), ("30 ms instead of 20",))

    def compress(data: str, out: Path, **options: Any) -> Compressed:
        asked.update(options, data=data, out=out)
        return result

    monkeypatch.setattr("descale.compression.run.compress", compress)
    words = ("photos", "--max-ms", "20", "--minutes", "5", "--arch", "fpn", "--size", "384x512", "--no-int8")
    ended = descale("compress", *words, "--out", bundle)
    assert ended.status == status
    assert (asked["data"], asked["out"], asked["max_ms"], asked["minutes"]) == ("photos", bundle, 20, 5)
    assert (asked["architectures"], asked["size"], asked["int8"]) == (("fpn",), (384, 512), False)
    told = ("corrosion IoU 0.700", "2.0 points lost", str(bundle)) if kept else ("30 ms instead", "U-Net: 30")
    assert all(text in ended.out for text in (*told, str(report)))


@pytest.mark.usefixtures("quick_tracer")
def test_networks_to_be_timed_elsewhere_are_written(descale: Any, steel: Path, tmp_path: Path) -> None:
    networks = tmp_path / "networks"
    ended = descale(
        "compress", steel, "--out", tmp_path / "x.zip", "--networks-to", networks, "--arch", "linknet",
        "--encoder", "tu-test_efficientnet", "--engine", "onnxruntime",
    )  # fmt: skip
    assert ended.status == 0
    written = sorted(path.name for path in networks.iterdir())
    assert f"{len(written)} networks" in ended.out
    assert {name.partition("-test_efficientnet")[0] for name in written} == {"linknet", "linknet-half"}
    assert "--device-times" in ended.out
