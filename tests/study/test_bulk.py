"""Bulk prediction with Ray Data on a real cluster of two nodes on this machine."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest
from PIL import Image
from tiny_networks import painted, write_bundle

from descale.errors import ConfigError, DataError
from descale.runtime.batch import PredictSettings
from descale.study.bulk import Work, predict_on_ray

pytest.importorskip("ray", reason="Ray is an extra: pip install 'descale[ray]'")

PATIENCE = 120


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """Ten photos in two folders, two of one name, and a broken one."""
    for number in range(10):
        path = tmp_path / "bucket" / f"bridge{number % 2}" / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(painted(100, 200, (0, 0, 10 * number, 50))).save(path)
    Image.fromarray(painted(100, 200)).save(tmp_path / "bucket" / "bridge0" / "00.jpg")
    (tmp_path / "bucket" / "bridge1" / "broken.png").write_bytes(b"not a photo")
    return tmp_path / "bucket"


def predict(work: Work, address: str, report: Path) -> None:
    found = predict_on_ray(work, address=address)
    shares = {result.photo: result.corroded_percent for result in found.results}
    report.write_text(json.dumps([shares, [photo for photo, _ in found.skipped], found.reused]))


def run(work: Work, address: str, report: Path) -> tuple[dict[str, float], list[str], int]:
    process = multiprocessing.get_context("fork").Process(target=predict, args=(work, address, report))
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == 0
    shares, skipped, reused = json.loads(report.read_text())
    return shares, skipped, reused


def test_a_bucket_is_predicted_once(ray_cluster: str, bucket: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    work = Work(
        write_bundle(tmp_path / "bundle"),
        f"file://{bucket}",
        f"file://{out}",
        PredictSettings(),
        "onnxruntime",
    )
    shares, skipped, reused = run(work, ray_cluster, tmp_path / "first.json")
    assert shares["bridge1/03.png"] == pytest.approx(7.5)
    assert len(shares) == 11
    assert skipped == ["bridge1/broken.png"]
    assert reused == 0
    assert len(list((out / "masks").rglob("*.png"))) == 11
    again = run(work, ray_cluster, tmp_path / "again.json")
    assert again == (shares, skipped, 11)


def test_results_of_other_settings_are_not_mixed(bucket: Path, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text("{}")
    work = Work(bundle, f"file://{bucket}", f"file://{tmp_path}/out", PredictSettings(), "onnxruntime")
    with pytest.raises(ConfigError, match="another bundle"):
        predict_on_ray(work, address="auto")


def test_no_photo(tmp_path: Path) -> None:
    work = Work(
        write_bundle(tmp_path / "bundle"), f"file://{tmp_path}/no", "file:///tmp/x", PredictSettings()
    )
    with pytest.raises(DataError, match="no photo here"):
        predict_on_ray(work, address="auto")
