"""Studies and bulk prediction over s3:// and gs://, against servers on this machine."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.runtime.tiny_networks import painted, write_bundle
from tests.study.fake_runner import PATIENCE, FakeRunner

from descale.base.errors import StudyError
from descale.cluster.bulk import Work, predict_on_ray
from descale.cluster.ray_cluster import run_on_ray
from descale.cluster.remote import RemoteTrials
from descale.prediction.batch import PredictSettings
from descale.study.folder import StudyFolder
from descale.study.run import open_study, run_study

fsspec = pytest.importorskip("fsspec", reason="needs pip install 'descale[dev]'")

SMALL = """
name: fake
data: [{source: fake}]
architectures: [unet]
strategies: [linear, agp]
sparsities: [0.5]
"""
PROCESSES = multiprocessing.get_context("forkserver")


SERVERS = {"s3": ("moto", "s3fs"), "gs": ("gcp_storage_emulator", "gcsfs")}
"""Kind of store -> the packages of its server and of its client."""


@pytest.fixture(params=SERVERS)
def bucket(
    request: pytest.FixtureRequest,
    object_stores: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> str:
    """URL of an empty bucket."""
    for package in SERVERS[request.param]:
        pytest.importorskip(package, reason="needs pip install 'descale[dev]'")
    for key, value in object_stores.items():
        monkeypatch.setenv(key, value)
    url = f"{request.param}://bucket-{abs(hash(tmp_path))}"
    files, path = fresh_files(url)
    files.mkdir(path)
    return url


def fresh_files(url: str) -> tuple[Any, str]:
    """A client that has listed nothing yet, and the path of ``url`` in it."""
    fsspec.core.url_to_fs(url)[0].clear_instance_cache()
    return fsspec.core.url_to_fs(url)


def finished_trial(folder: Path) -> Path:
    (folder / "model").mkdir(parents=True)
    (folder / "work").mkdir()
    (folder / "work" / "last.ckpt").write_bytes(b"checkpoint")
    (folder / "model" / "model.json").write_text("{}")
    (folder / "result.json").write_text('{"iou": 0.5}')
    return folder


def test_a_trial_goes_to_the_bucket_and_comes_back_without_its_checkpoints(
    bucket: str, tmp_path: Path
) -> None:
    store = RemoteTrials(f"{bucket}/study")
    assert store.finished() == set()
    assert not store.has("abc")
    store.upload(finished_trial(tmp_path / "abc"))
    assert store.has("abc")
    assert RemoteTrials(f"{bucket}/study/").finished() == {"abc"}
    home = StudyFolder(tmp_path / "home")
    store.fetch("abc", home)
    target = home.trial_folder("abc")
    names = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert names == {"model/model.json", "result.json"}
    assert json.loads((target / "result.json").read_text()) == {"iou": 0.5}


def test_why_a_trial_failed_comes_back_too(bucket: str, tmp_path: Path) -> None:
    store, home = RemoteTrials(f"{bucket}/study"), StudyFolder(tmp_path / "home")
    store.fetch_failure("abc", home)
    assert not (home.trial_folder("abc") / "failure.json").exists()
    (tmp_path / "abc").mkdir()
    (tmp_path / "abc" / "failure.json").write_text('{"error": "no memory"}')
    store.upload_failure(tmp_path / "abc")
    store.fetch_failure("abc", home)
    assert json.loads((home.trial_folder("abc") / "failure.json").read_text()) == {"error": "no memory"}
    assert not store.has("abc")


def test_a_bucket_that_cannot_be_made_is_a_clear_error(bucket: str) -> None:
    kind = bucket.partition(":")[0]
    with pytest.raises(StudyError, match="check the address and your credentials"):
        RemoteTrials(f"{kind}://Not_A_Bucket!/study")


def drive(environment: dict[str, str], file: Path, out: Path, address: str, store: str) -> None:
    os.environ.update(environment)  # the server that processes are forked from may be older than the store
    runner = FakeRunner()
    run_on_ray(open_study(file, out, runner), runner, address=address, store=store)


@pytest.mark.parametrize("bucket", ["gs"], indirect=True)  # the other kind below: each takes half a minute
def test_a_study_on_ray_keeps_its_trials_in_a_bucket(
    bucket: str, object_stores: dict[str, str], ray_cluster: str, tmp_path: Path
) -> None:
    (tmp_path / "fake.yaml").write_text(SMALL)
    alone = open_study(tmp_path / "fake.yaml", tmp_path / "alone", FakeRunner())
    run_study(alone, FakeRunner())
    arguments = (object_stores, tmp_path / "fake.yaml", tmp_path / "out", ray_cluster, f"{bucket}/study")
    driver = PROCESSES.Process(target=drive, args=arguments)
    driver.start()
    driver.join(PATIENCE)
    assert driver.exitcode == 0
    expected = (tmp_path / "alone" / "results.csv").read_bytes()
    assert (tmp_path / "out" / "results.csv").read_bytes() == expected
    assert len(RemoteTrials(f"{bucket}/study").finished()) == 3


def predict(environment: dict[str, str], work: Work, address: str, report: Path) -> None:
    os.environ.update(environment)
    found = predict_on_ray(work, address=address)
    report.write_text(json.dumps([len(found.results), [photo for photo, _ in found.skipped], found.reused]))


@pytest.mark.parametrize("bucket", ["s3"], indirect=True)
def test_photos_of_a_bucket_are_predicted_into_another_folder_of_it(
    bucket: str, object_stores: dict[str, str], ray_cluster: str, tmp_path: Path
) -> None:
    files, root = fresh_files(bucket)
    for number in range(3):
        Image.fromarray(painted(60, 80, (0, 0, 10, 20))).save(tmp_path / "photo.png")
        files.put_file(str(tmp_path / "photo.png"), f"{root}/photos/a/{number}.png")
    files.pipe_file(f"{root}/photos/broken.png", b"not a photo")
    work = Work(
        write_bundle(tmp_path / "bundle"), f"{bucket}/photos", f"{bucket}/out",
        PredictSettings(), "onnxruntime",
    )  # fmt: skip
    for reused in (0, 3):
        report = tmp_path / f"{reused}.json"
        process = PROCESSES.Process(target=predict, args=(object_stores, work, ray_cluster, report))
        process.start()
        process.join(PATIENCE)
        assert process.exitcode == 0
        assert json.loads(report.read_text()) == [3, ["broken.png"], reused]
    files.invalidate_cache()
    assert {path.rpartition("/out/")[2] for path in files.find(f"{root}/out/masks")} == {
        "masks/a/0.png", "masks/a/1.png", "masks/a/2.png",
    }  # fmt: skip
