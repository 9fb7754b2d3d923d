"""A second run in the same folder: what it takes over, what it makes anew, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from tests.prediction.command import predict, rows
from tests.runtime.tiny_networks import painted

from descale.base.errors import ConfigError
from descale.prediction import batch


def test_a_rerun_predicts_only_what_is_new(tiny_bundle: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict(tiny_bundle, photos, "--out", out)
    first = (out / "predictions.csv").read_bytes()

    def times() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in (out / "masks").iterdir()}

    before = times()
    predict(tiny_bundle, photos, "--out", out)
    assert times() == before
    assert (out / "predictions.csv").read_bytes() == first

    Image.fromarray(painted(100, 200, (0, 0, 200, 100))).save(photos / "b.png")  # another photo, same name
    (out / "masks" / "c.png").unlink()  # an output is missing
    (out / "photos" / "a.json").write_text('{"result": [1]}')  # a record is damaged
    predict(tiny_bundle, photos, "--out", out)
    assert all(times()[name] != before[name] for name in before)
    assert [float(row["corroded_percent"]) for row in rows(out)] == [25, 100, 1]

    before = times()
    predict(tiny_bundle, photos, "--out", out, "--overwrite")
    assert all(times()[name] != before[name] for name in before)

    before = times()
    predict(tiny_bundle, photos, "--out", out, "--scale", "0.5")  # other settings: not the same result
    assert all(times()[name] != before[name] for name in before)


def test_a_rerun_with_other_classes_or_another_input_size_predicts_again(
    tiny_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    manifest, out = tiny_bundle / "bundle.json", tmp_path / "out"
    predict(tiny_bundle, photos, "--out", out)
    content = json.loads(manifest.read_text())
    content["classes"][1]["name"] = "rust"
    manifest.write_text(json.dumps(content))
    predict(tiny_bundle, photos, "--out", out)
    assert all(float(row["percent_rust"]) >= 0 for row in rows(out))

    content["provenance"]["input_size"] = [32, 32]
    manifest.write_text(json.dumps(content))
    predict(tiny_bundle, photos, "--out", out)
    assert float(rows(out)[0]["scale"]) < 1


def test_tables_and_page_of_an_earlier_run_do_not_tell_of_other_photos(
    tiny_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    predict(tiny_bundle, photos, "--out", out, "--format", "json")
    (photos / "b.png").unlink()
    predict(tiny_bundle, photos, "--out", out, "--page-size", "0")
    names = [entry["name"] for entry in json.loads((out / "predictions.json").read_text())["photos"]]
    assert names == [row["name"] for row in rows(out)] == ["a", "c"]
    assert not (out / "index.html").exists()


@pytest.mark.parametrize(
    "name", ["index.html", "predictions.json", "run.json", "masks/a.png", "photos/a.json", "photos.geojson"]
)
def test_a_folder_with_files_that_no_run_wrote_is_refused(
    tiny_bundle: Path, photos: Path, tmp_path: Path, name: str
) -> None:
    own = tmp_path / "out" / name
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("{}")
    with pytest.raises(ConfigError, match=rf"{own.name} is not of a run"):
        predict(tiny_bundle, photos, "--out", tmp_path / "out")
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [own]


def test_a_page_of_something_else_stays_where_none_is_written(
    tiny_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "index.html").write_text("precious")
    for _ in range(2):
        predict(tiny_bundle, photos, "--out", out, "--page-size", "0")
    assert (out / "index.html").read_text() == "precious"


@pytest.mark.parametrize("name", ["masks/b.png", "colours/b.png", "overlays/b.jpg"])
def test_a_rerun_makes_what_is_missing(tiny_bundle: Path, photos: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    predict(tiny_bundle, photos, "--out", out)
    records = {path: path.stat().st_mtime_ns for path in (out / "photos").iterdir()}
    (out / name).unlink()
    predict(tiny_bundle, photos, "--out", out)
    assert (out / name).is_file()
    assert [path.stem for path, time in records.items() if path.stat().st_mtime_ns != time] == ["b"]


def test_a_rerun_does_not_ask_for_overlays_that_are_not_wanted(
    tiny_bundle: Path, photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for _ in range(2):
        predict(tiny_bundle, photos, "--out", tmp_path / "out", "--overlay-size", "0")
    assert "3 photos done (3 from an earlier run)" in caplog.text


def test_an_interrupted_run_goes_on(
    tiny_bundle: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    original = batch.Segmenter.segment
    calls = []

    def interrupted(self: batch.Segmenter, picture: object) -> object:
        calls.append(picture)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, picture)  # type: ignore[arg-type]

    monkeypatch.setattr(batch.Segmenter, "segment", interrupted)
    with pytest.raises(AssertionError):  # the exit status of an interrupted command
        predict(tiny_bundle, photos, "--out", out, "--workers", "1")
    assert len(calls) == 3
    assert not (out / "predictions.csv").exists()
    finished = {path.stem for path in (out / "photos").iterdir()}
    assert finished
    assert finished < {"a", "b", "c"}
    (out / "run.json").unlink()  # which earlier versions wrote last
    predict(tiny_bundle, photos, "--out", out)
    assert len(calls) == 3 + 3 - len(finished)
    assert len(rows(out)) == 3
