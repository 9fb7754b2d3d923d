"""Weights stored in 16 bits: the file halves, the decisions stay, what does not fit stays as it was."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import descale
from descale.base.errors import ConfigError
from descale.deploy.export.bundle import export_model
from descale.deploy.export.parity import read_pictures, torch_logits
from descale.deploy.graph import store_in_half
from descale.models import SavedModel, save_model
from descale.runtime.bundle import open_bundle

MakeModel = Callable[[str, str], SavedModel]
INSTALLED = {"onnx": "onnxruntime", "openvino": "openvino", "ncnn": "pnnx"}
WEIGHTS = {"onnx": "network.onnx", "openvino": "network.bin", "ncnn": "network.ncnn.bin"}


def sure_of_itself(model: SavedModel, photos: tuple[Path, ...]) -> SavedModel:
    """The same network with few pixels near the threshold, as a trained one has: 2 % are corrosion."""
    network = copy.deepcopy(model.network)
    sure = replace(model, network=network)
    margins = [np.diff(torch_logits(sure, picture), axis=1).ravel() for picture in read_pictures(photos)]
    network.segmentation_head[0].bias.data[1] -= float(np.quantile(np.concatenate(margins), 0.98))
    return sure


@pytest.mark.usefixtures("quick_tracer")
@pytest.mark.parametrize("target", INSTALLED)
def test_half_the_file_decides_the_same(
    target: str, make_model: MakeModel, photos: tuple[Path, ...], tmp_path: Path
) -> None:
    pytest.importorskip(INSTALLED[target])
    model = sure_of_itself(make_model("unet", "tu-test_resnet"), photos)
    full = export_model(model, tmp_path / "full", targets=[target], photos=photos)
    half = export_model(model, tmp_path / "half", targets=[target], photos=photos, half_weights=True)
    sizes = [(e.path / WEIGHTS[target]).stat().st_size for e in (full, half)]
    assert sizes[1] < 0.56 * sizes[0]
    assert half.parity[target].same >= 0.999
    assert half.parity[target].largest > full.parity[target].largest  # the rounding is really there


@pytest.mark.usefixtures("quick_tracer")
def test_card_and_record_tell_how_weights_are_stored(
    make_model: MakeModel, photos: tuple[Path, ...], tmp_path: Path
) -> None:
    model = sure_of_itself(make_model("linknet", "tu-test_resnet"), photos)
    for half, name, said in ((True, "float16", True), (False, "float32", False)):
        exported = export_model(model, tmp_path / name, photos=photos, half_weights=half)
        manifest = open_bundle(exported.path).manifest
        assert (manifest.provenance["weights"], manifest.precision) == (name, "float32")
        assert ("16 bits" in (exported.path / "MODEL_CARD.md").read_text()) is said


def test_int8_and_half_weights_exclude_each_other(make_model: MakeModel, tmp_path: Path) -> None:
    save_model(tmp_path / "model", make_model("linknet", "tu-test_resnet"))
    with pytest.raises(ConfigError, match="half"):
        descale.export(
            tmp_path / "model", tmp_path / "bundle", int8=True, calibrate=tmp_path, half_weights=True
        )
    assert not (tmp_path / "bundle").exists()


def test_what_16_bits_cannot_hold_stays_in_float32(caplog: pytest.LogCaptureFixture) -> None:
    fits, too_large = np.full(64, 0.1, np.float32), np.full(64, 1e5, np.float32)
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "fits"], ["a"]), helper.make_node("Add", ["a", "too_large"], ["y"])],
        "sum",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [64])],
        [numpy_helper.from_array(a, n) for a, n in ((fits, "fits"), (too_large, "too_large"))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    stored = store_in_half(model)
    kinds = {t.name: t.data_type for t in stored.graph.initializer}
    assert sorted(kinds.values()) == [TensorProto.FLOAT, TensorProto.FLOAT16]
    assert kinds["too_large"] == TensorProto.FLOAT
    assert "1 tensors" in caplog.text
    given = np.zeros(64, np.float32)
    (found,) = onnx.reference.ReferenceEvaluator(stored).run(None, {"x": given})
    np.testing.assert_allclose(found, fits.astype(np.float16).astype(np.float32) + too_large)
