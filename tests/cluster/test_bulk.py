"""Bulk prediction with Ray Data on a real cluster of two nodes on this machine."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.runtime.tiny_networks import painted, write_bundle
from tests.study.fake_runner import PATIENCE

from descale.base.errors import ConfigError, DataError
from descale.cluster.bucket import predict_bucket
from descale.cluster.bulk import Work, _records, predict_on_ray
from descale.prediction.batch import PredictSettings, describe_run
from descale.prediction.summary import PhotoResult, summarise
from descale.runtime import BINARY, Segmentation, Segmenter

pytest.importorskip("ray", reason="Ray is an extra: pip install 'descale[ray]'")

PROCESSES = multiprocessing.get_context("forkserver")


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


@pytest.fixture
def tiny_result() -> PhotoResult:
    segmentation = Segmentation(BINARY, np.zeros((4, 4), np.uint8), 0.5, (4, 4), "e")
    return summarise(segmentation, "a", "a.png")


def predict(work: Work, address: str, report: Path) -> None:
    found = predict_on_ray(work, address=address)
    shares = {result.photo: result.corroded_percent for result in found.results}
    report.write_text(json.dumps([shares, [photo for photo, _ in found.skipped], found.reused]))


def run(work: Work, address: str, report: Path) -> tuple[dict[str, float], list[str], int]:
    process = PROCESSES.Process(target=predict, args=(work, address, report))
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


def test_what_is_not_read_counts_as_skipped_and_old_results_are_left_out(
    tmp_path: Path, tiny_result: PhotoResult
) -> None:
    """Beside a photo that is done, so no cluster is needed."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    for name in ("a.png", "sub/b.heic", "notes.txt", "old/masks/a.png", "old/predictions.csv", "._a.png"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).touch()
    (out / "photos").mkdir(parents=True)
    (out / "photos" / "a.json").write_text(json.dumps(tiny_result.to_json()))
    bundle = write_bundle(tmp_path / "bundle")
    work = Work(bundle, f"file://{photos}", f"file://{out}", PredictSettings(), "onnxruntime")
    with pytest.raises(ConfigError, match=r"photos/a\.json is not of a run"):
        predict_on_ray(work, address="auto")
    run = describe_run(Segmenter.from_bundle(bundle, "onnxruntime", threads=1), work.settings)
    (out / "run.json").write_text(json.dumps(run))
    report = predict_on_ray(work, address="auto")
    assert (len(report.results), report.reused) == (1, 1)
    (photos / "a.png").rename(photos / "a.jpg")
    assert not dict(_records(work.out, {"a.jpg": "a"})), "another photo of that name"
    assert report.skipped == (("sub/b.heic", "sub/b.heic: .heic is not read. Convert it to JPEG."),)


def command(status: int, said: Path, *words: object) -> None:
    """In a process of its own: run ``descale predict``, its messages to ``said``; check its exit status."""
    from descale.cli import main

    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.argv = ["descale", "predict", *map(str, words)]
    try:
        main()
    except SystemExit as ended:
        os._exit(0 if ended.code == status else 1)


def test_the_command_predicts_writes_tables_and_tells_the_scale(
    ray_cluster: str, bucket: Path, tmp_path: Path
) -> None:
    out = bucket / "results"  # among the photos, so a rerun must not take them for photos
    bundle = write_bundle(tmp_path / "bundle", input_size=(50, 100))
    words = (bundle, bucket, "--out", out, "--ray", ray_cluster)
    formats = ("--engine", "onnxruntime", "--format", "csv", "--format", "json")
    for _ in range(2):
        process = PROCESSES.Process(target=command, args=(3, tmp_path / "said", *words, *formats))
        process.start()
        process.join(PATIENCE)
        assert process.exitcode == 0
        said = " ".join((tmp_path / "said").read_text().split())
        assert "11 of 11 photos were seen at 0.5 of their size" in said
        with (out / "predictions.csv").open() as stream:
            shares = {row["photo"]: float(row["corroded_percent"]) for row in csv.DictReader(stream)}
        assert len(shares) == 11
        assert shares["bridge1/03.png"] == pytest.approx(7.5)
        table = json.loads((out / "predictions.json").read_text())
        assert table["made_by"]["engine"] == "onnxruntime"
        assert '"name":"bridge1/03"' in (out / "index.html").read_text()
        assert (out / "page" / "small" / "bridge1" / "03.jpg").is_file()
        assert [entry["photo"] for entry in table["skipped"]] == ["bridge1/broken.png"]


@pytest.mark.parametrize(
    ("photos", "formats", "message"),
    [
        (["a", "b"], ["csv"], "one folder or URL"),
        (["-"], ["csv"], "one folder"),
        (["a"], ["coco"], "no --form"),
        (["site"], ["csv"], r"index\.html is not of a run"),
    ],
)
def test_what_a_cluster_cannot_do(
    photos: list[str], formats: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("precious")
    with pytest.raises(ConfigError, match=message):
        predict_bucket(
            tmp_path, photos, str(tmp_path), PredictSettings(), formats,
            address="auto", engine="auto", threads=None, tile=None,
        )  # fmt: skip


def test_no_photo(tmp_path: Path) -> None:
    work = Work(
        write_bundle(tmp_path / "bundle"), f"file://{tmp_path}/no", "file:///tmp/x", PredictSettings()
    )
    with pytest.raises(DataError, match="no photo here"):
        predict_on_ray(work, address="auto")
    (tmp_path / "no").mkdir()
    (tmp_path / "no" / "phone.heic").touch()
    (tmp_path / "no" / "a.jpg").touch()
    for out in (tmp_path / "no", tmp_path):
        inside = Work(work.bundle, f"file://{tmp_path}/no", f"file://{out}", PredictSettings())
        with pytest.raises(DataError, match=f"--out file://{out} holds the photos; give another"):
            predict_on_ray(inside, address="auto")
    (tmp_path / "no" / "a.jpg").unlink()
    with pytest.raises(DataError, match=r"Other kinds are not read \(\.heic 1\)"):
        predict_on_ray(work, address="auto")
