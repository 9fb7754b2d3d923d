"""The command: what is written, skipped and refused, and that it never needs torch."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.base_installation import absent_modules
from tests.prediction.clips import cut, write_clip
from tests.prediction.command import predict, rows
from tests.runtime.tiny_networks import painted, write_bundle

from descale.base.errors import BundleError, ConfigError, DataError, DescaleError, PartialFailure
from descale.runtime import pack_bundle


@pytest.mark.parametrize(
    ("input_size", "scale", "said"),
    [((25, 50), "1", "4 times larger"), ((25, 50), "0.25", None), ((80, 160), "1", None), (None, "1", None)],
)
def test_photos_much_larger_than_in_training_are_told(
    photos: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    input_size: tuple[int, int] | None,
    scale: str,
    said: str | None,
) -> None:
    bundle = write_bundle(tmp_path / "bundle", input_size=input_size)
    predict(bundle, photos, "--out", tmp_path / "out", "--scale", scale)
    warned = [record.getMessage() for record in caplog.records if "larger here" in record.getMessage()]
    assert bool(warned) == (said is not None)
    if said is not None:
        assert said in warned[0]
        assert "--scale 0.25" in warned[0]


@pytest.mark.parametrize(
    ("input_size", "scale"), [((25, 50), 0.25), ((50, 100), 0.5), ((300, 300), 1.0), (None, 1.0)]
)
def test_unless_told_otherwise_photos_are_seen_as_large_as_in_training(
    photos: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    input_size: tuple[int, int] | None,
    scale: float,
) -> None:
    caplog.set_level("INFO")
    bundle, out = write_bundle(tmp_path / "bundle", input_size=input_size), tmp_path / "out"
    predict(bundle, photos, "--out", out)
    assert {float(row["scale"]) for row in rows(out)} == {scale}
    assert [float(row["corroded_percent"]) for row in rows(out)] == pytest.approx([25, 0, 1], abs=1)
    told = [r.getMessage() for r in caplog.records if "--scale 1 takes every pixel" in r.getMessage()]
    assert bool(told) == (scale < 1)
    assert not told or f"3 of 3 photos were seen at {scale:g} of their size" in told[0]
    for name, original in ((path.stem, Image.open(path)) for path in photos.glob("*.png")):
        assert Image.open(out / "masks" / f"{name}.png").size == original.size
        assert Image.open(out / "overlays" / f"{name}.jpg").size == original.size
    unknown = [r for r in caplog.records if "does not tell the input size" in r.getMessage()]
    assert len(unknown) == (1 if input_size is None else 0)


def test_a_bundle_without_input_size_is_not_complained_about_where_a_scale_is_given(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = write_bundle(tmp_path / "bundle", input_size=None)
    predict(bundle, photos, "--out", tmp_path / "out", "--scale", "0.5")
    assert {float(row["scale"]) for row in rows(tmp_path / "out")} == {0.5}
    assert not [r for r in caplog.records if "does not tell the input size" in r.getMessage()]


@pytest.mark.parametrize("scale", ["0", "1.5", "nan", "half"])
def test_a_scale_that_is_none_is_refused(tiny_bundle: Path, photos: Path, tmp_path: Path, scale: str) -> None:
    with pytest.raises(ConfigError, match=f"--scale {scale} is neither auto nor a number above 0"):
        predict(tiny_bundle, photos, "--out", tmp_path / "out", "--scale", scale)


def test_everything_is_written(tiny_bundle: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    formats = ("--format", "csv", "--format", "json", "--format", "coco")
    predict(tiny_bundle, photos, "--out", out, "--mm-per-pixel", "1", *formats)
    table = rows(out)
    assert [row["name"] for row in table] == ["a", "b", "c"]
    assert [float(row["corroded_percent"]) for row in table] == [25, 0, 1]
    assert [row["iso_4628_3"] for row in table] == ["5", "0", "3"]
    assert [row["astm_d610"] for row in table] == ["2", "10", "6"]
    assert [row["patches"] for row in table] == ["1", "0", "2"]
    assert float(table[2]["corroded_cm2"]) == 2
    with Image.open(out / "masks" / "c.png") as image:
        mask = np.asarray(image)
    np.testing.assert_array_equal(mask, np.asarray(Image.open(photos / "c.png"))[..., 0] > 0)
    for kind, suffix in {"colours": "png", "overlays": "jpg", "photos": "json"}.items():
        assert sorted(path.name for path in (out / kind).iterdir()) == [f"{n}.{suffix}" for n in "abc"]
    assert len(json.loads((out / "predictions.json").read_text())["photos"]) == 3
    assert len(json.loads((out / "predictions.coco.json").read_text())["annotations"]) == 3
    assert not list(out.rglob("*.part"))


def test_broken_photos_are_skipped(
    tiny_bundle: Path, photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (photos / "aa_empty.jpg").touch()
    (photos / "bb_text.png").write_text("no photo")
    whole = io.BytesIO()
    Image.fromarray(painted(300, 300)).save(whole, "JPEG")
    (photos / "cc_cut.jpg").write_bytes(whole.getvalue()[:700])
    with pytest.raises(PartialFailure, match="3 of the inputs") as caught:
        predict(tiny_bundle, photos, "--out", tmp_path / "out", "--format", "csv", "--format", "json")
    assert caught.value.exit_status == 3
    assert [row["name"] for row in rows(tmp_path / "out")] == ["a", "b", "c"]
    skipped = json.loads((tmp_path / "out" / "predictions.json").read_text())["skipped"]
    assert [Path(entry["photo"]).name for entry in skipped] == ["aa_empty.jpg", "bb_text.png", "cc_cut.jpg"]
    assert "aa_empty.jpg" in caplog.text


def test_pictures_that_are_not_read_count_as_skipped(
    tiny_bundle: Path, photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (photos / "phone.heic").write_bytes(b"not read")
    with pytest.raises(PartialFailure, match="1 of the inputs"):
        predict(tiny_bundle, photos, "--out", tmp_path / "out", "--format", "csv", "--format", "json")
    assert [row["name"] for row in rows(tmp_path / "out")] == ["a", "b", "c"]
    (skipped,) = json.loads((tmp_path / "out" / "predictions.json").read_text())["skipped"]
    assert skipped["photo"] == str(photos / "phone.heic")
    assert "Convert it to JPEG" in skipped["reason"]
    assert f"1 files in {photos} are of no kind that is read (.heic 1)" in caplog.text


def test_names_that_are_not_utf8(
    tiny_bundle: Path, photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # pytest's processes cannot hand each other such names
    name = os.fsdecode(b"br\xfccke")
    (photos / "a.png").rename(photos / f"{name}.png")
    (photos / "b.png").write_bytes(b"broken")
    (photos / "b.png").rename(photos / f"{name}2.png")
    for format in ("csv", "json", "coco"):
        with pytest.raises(PartialFailure, match="1 of the inputs"):
            predict(tiny_bundle, photos, "--out", tmp_path / "out", "--format", format)
    assert [row["name"] for row in rows(tmp_path / "out")] == ["br\\udcfccke", "c"]
    table = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert table["photos"][0]["name"] == name
    assert table["skipped"][0]["photo"] == str(photos / f"{name}2.png")
    images = json.loads((tmp_path / "out" / "predictions.coco.json").read_text())["images"]
    assert images[0]["file_name"] == str(photos / f"{name}.png")
    assert (tmp_path / "out" / "masks" / f"{name}.png").is_file()


def test_the_longest_names(tiny_bundle: Path, photos: Path, tmp_path: Path) -> None:
    """File systems take 255 bytes; the record is called NAME.json."""
    out = tmp_path / "out"
    (photos / "a.png").rename(photos / f"{'a' * 250}.png")
    predict(tiny_bundle, photos, "--out", out)
    assert (out / "photos" / f"{'a' * 250}.json").is_file()
    (photos / "b.png").rename(photos / f"{'b' * 251}.png")
    for again in ((), ("--overwrite",)):
        with pytest.raises(DescaleError, match=r"Cannot write .*b\.json: File name too long\. Rename the ph"):
            predict(tiny_bundle, photos, "--out", out, *again)


def test_frames_before_the_cut_of_a_video_are_done(
    tiny_bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("av", reason="the extra descale[video] is not installed")
    path, out = tmp_path / "flight 12:30.mp4", tmp_path / "out"
    write_clip(tmp_path / "flight.mp4").rename(path)
    cut(path, 0.5)
    with pytest.raises(PartialFailure, match="1 of the inputs"):
        predict(tiny_bundle, path, "--out", out, "--frame-step", "4", "--format", "csv", "--format", "json")
    assert [row["name"] for row in rows(out)][:2] == ["flight 12:30@000000", "flight 12:30@000004"]
    (skipped,) = json.loads((out / "predictions.json").read_text())["skipped"]
    assert skipped["photo"] == str(path)
    assert "of 60 frames could be read; it is cut off" in skipped["reason"]
    assert skipped["reason"] in caplog.text


@pytest.mark.parametrize("workers", [1, 4])
def test_order_holds_with_workers(tiny_bundle: Path, tmp_path: Path, workers: int) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(12):
        height = 400 if number % 3 == 0 else 10
        Image.fromarray(painted(height, 100, (0, 0, number, height))).save(folder / f"{number:02d}.png")
    predict(tiny_bundle, folder, "--out", tmp_path / "out", "--workers", workers)
    assert [float(row["corroded_percent"]) for row in rows(tmp_path / "out")] == list(range(12))


def test_outputs_are_in_the_frame_of_the_photo(tiny_bundle: Path, photos: Path, tmp_path: Path) -> None:
    predict(tiny_bundle, photos / "a.png", "--out", tmp_path / "out", "--scale", "0.5", "--overlay-size", "0")
    with Image.open(tmp_path / "out" / "masks" / "a.png") as image:
        assert image.size == (200, 100)
    (row,) = rows(tmp_path / "out")
    assert (row["width"], row["height"]) == ("200", "100")
    assert not (tmp_path / "out" / "overlays").exists()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (["--format", "xml"], ConfigError, "'xml' is unknown"),
        (["--scale", "2"], ConfigError, "--scale 2"),
        (["--mm-per-pixel", "0"], ConfigError, "0 mm per pixel"),
        (["--mm-per-pixel", "1e200"], ConfigError, "1e[+]200 mm per pixel"),
        (["--engine", "magic"], ConfigError, "'magic' is unknown"),
        (["--max-megapixels", "0.001"], PartialFailure, "3 of the inputs"),
        (["--max-megapixels", "nan"], ConfigError, "limit of nan megapixels"),
    ],
)
def test_bad_options(
    tiny_bundle: Path, photos: Path, tmp_path: Path, options: list[str], error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        predict(tiny_bundle, photos, "--out", tmp_path / "out", *options)


def test_bad_inputs(tiny_bundle: Path, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="without photos"):
        predict(tiny_bundle, write_bundle(tmp_path / "no photos"), "--out", tmp_path / "out")
    with pytest.raises(BundleError, match="no such bundle"):
        predict(tmp_path / "nothing.zip", photos, "--out", tmp_path / "out")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text("{}")
    with pytest.raises(BundleError, match="descale export"):
        predict(tmp_path / "model", photos, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unwritable_output(tiny_bundle: Path, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("something good")
    with pytest.raises(DescaleError, match=r"file is a file\. Choose another output folder"):
        predict(tiny_bundle, photos, "--out", tmp_path / "file")
    with pytest.raises(DescaleError, match=r"Cannot write .*out: Not a directory\. Choose another"):
        predict(tiny_bundle, photos, "--out", tmp_path / "file" / "out")
    assert (tmp_path / "file").read_text() == "something good"


RUN = """
import sys
sys.modules.update(dict.fromkeys({absent!r}))
from descale.cli import main
sys.argv[0] = "descale"
main()
"""


def test_runs_without_what_extras_bring(tiny_bundle: Path, photos: Path, tmp_path: Path) -> None:
    pack_bundle(tiny_bundle, tmp_path / "b.zip")
    command = [
        sys.executable,
        "-c",
        RUN.format(absent=absent_modules()),
        "predict",
        tmp_path / "b.zip",
        photos,
    ]
    command += ["--out", tmp_path / "out"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(rows(tmp_path / "out")) == 3


def test_standard_input_and_exit_status(tiny_bundle: Path, tmp_path: Path) -> None:
    photo = io.BytesIO()
    Image.fromarray(painted(64, 64, (0, 0, 32, 64))).save(photo, "PNG")
    command = [
        sys.executable,
        "-m",
        "descale",
        "predict",
        str(tiny_bundle),
        "-",
        "--out",
        str(tmp_path / "o"),
    ]
    command[1:3] = ["-c", "from descale.cli import main; main()"]
    for content, status in ((photo.getvalue(), 0), (b"", 3), (photo.getvalue()[:100], 3)):
        done = subprocess.run(command, input=content, capture_output=True, env=os.environ, check=False)
        assert done.returncode == status, done.stderr
        assert b"Traceback" not in done.stderr
        if status == 0:
            (row,) = rows(tmp_path / "o")
            assert (row["name"], float(row["corroded_percent"])) == ("stdin", 50)
        else:
            assert b"standard input" in done.stderr


def test_from_python_one_name_is_enough_and_no_photo_is_an_error(
    tiny_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    from descale.prediction.predict import predict as door

    report = door(tiny_bundle, str(photos / "a.png"), tmp_path / "out", formats="json", threads=1)
    assert [Path(name).name for name in report.tables] == ["predictions.json"]
    with pytest.raises(DataError, match="No photos were named"):
        door(tiny_bundle, [], tmp_path / "other")
    with pytest.raises(ConfigError, match="0 threads"):
        door(tiny_bundle, photos, tmp_path / "other", threads=0)
    assert not (tmp_path / "other").exists()
