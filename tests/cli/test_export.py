"""``descale export`` from a model to a bundle, and what stops it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from descale.runtime.segmenter import Segmenter


@pytest.mark.usefixtures("quick_clock")
def test_a_model_becomes_a_bundle_that_opens(
    descale: Any, dense_model: Path, steel: Path, tmp_path: Path
) -> None:
    out = tmp_path / "bundle.zip"
    photos = steel / "test" / "images"
    ended = descale("export", dense_model, "--to", "onnx", "--photos", photos, "--out", out)
    assert (ended.status, ended.errors) == (0, [])
    assert f"wrote {out}" in ended.out
    assert "timed on this machine" in ended.out
    assert Segmenter.from_bundle(out, "onnxruntime").classes.names == ("background", "corrosion")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "onnx", "--int8"], "--int8 needs photos with labels: give a data set, --calibrate"),
        (["--to", "onnx", "--calibrate", "x"], "--calibrate is only used with --int8"),
        (["--to", "onnx", "--tolerance", "0.5"], "--tolerance is what INT8 may lose"),
        (["--to", "tflite"], "tflite"),
        (["--to", "onnx", "--photos", "nowhere"], "nowhere"),
    ],
)
def test_wrong_options_end_in_one_line(
    descale: Any, dense_model: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    ended = descale("export", dense_model, "--out", tmp_path / "bundle", *options)
    assert ended.status == 1
    (line,) = ended.errors
    assert message in line
    assert not (tmp_path / "bundle").exists()


def test_a_model_that_is_not_there_ends_in_one_line(descale: Any, tmp_path: Path) -> None:
    ended = descale("export", tmp_path / "none", "--to", "onnx", "--out", tmp_path / "bundle")
    assert ended.status == 1
    assert "is not a model folder" in ended.errors[0]
