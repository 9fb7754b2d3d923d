from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from descale.base.classes import ClassTable, PixelClass
from descale.base.errors import ConfigError, DataError, ExportError
from descale.data import load_dataset
from descale.deploy.export.bundle import export_model
from descale.deploy.quantize.gate import GateSettings, corrosion_iou
from descale.deploy.quantize.pictures import QuantizationData, load_quantization_data
from descale.evaluation.confusion import ImageConfusions, confusion_matrix
from descale.evaluation.metrics import METRICS
from descale.models import SavedModel, make_spec
from descale.runtime.bundle import open_bundle


class Redness(nn.Module):
    """Calls red pixels corroded. With ``contrast`` one layer has a range that 8 bits cannot resolve."""

    def __init__(self, contrast: float = 1.0) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.second = nn.Conv2d(8, 8, 1, bias=False)
        self.head = nn.Conv2d(8, 2, 1)
        for module in (self.first, self.second, self.head):
            nn.init.zeros_(module.weight)
        with torch.no_grad():
            self.head.bias.zero_()
            self.first.weight[0, :, 1, 1] = torch.tensor([1.0, -0.5, -0.5])
            self.first.weight[1, :, 1, 1] = contrast  # a bright picture fills the range with this channel
            self.second.weight[0, 0] = 1.0  # the other channel goes no further
            self.head.weight[1, 0] = 5.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.second(self.first(x)))


def model_of(network: nn.Module) -> SavedModel:
    spec = make_spec("unet", "resnet18", input_size=(64, 64))
    return SavedModel(spec, network.eval(), {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey pictures with a reddish square, labelled."""
    root = tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(0)
    for split, count in (("train", 4), ("valid", 4), ("test", 1)):
        for kind in ("images", "masks"):
            (root / split / kind).mkdir(parents=True)
        for number in range(count):
            picture = generator.normal(128, 3, (64, 64, 1)).repeat(3, axis=2)
            mask = np.zeros((64, 64), np.uint8)
            top, left = generator.integers(0, 32, 2)
            mask[top : top + 24, left : left + 24] = 255
            picture[mask > 0] += [14, -14, -14]
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(
                root / split / "images" / f"{number}.png"
            )
            Image.fromarray(mask).save(root / split / "masks" / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def data(folder: Path) -> QuantizationData:
    return load_quantization_data(folder, model_of(Redness()).spec)


def test_photos_are_read_at_the_models_size(data: QuantizationData) -> None:
    assert data.calibration.shape == data.validation.shape == (4, 64, 64, 3)
    assert set(np.unique(data.labels)) == {0, 1}


@pytest.mark.parametrize("target", ["onnx", "openvino"])
def test_int8_bundle_passes_the_gate(target: str, data: QuantizationData, tmp_path: Path) -> None:
    exported = export_model(model_of(Redness()), tmp_path / "bundle", targets=[target], int8=data)
    gate = exported.gates[target]
    assert gate.iou_float32 > 0.9
    assert gate.iou_float32 - gate.iou_int8 <= 0.01
    manifest = open_bundle(tmp_path / "bundle").manifest
    assert manifest.precision == "int8"
    assert manifest.provenance["quantization"]["gates"][target]["iou_int8"] == gate.iou_int8
    card = (tmp_path / "bundle" / "MODEL_CARD.md").read_text()
    assert f"validation split of {data.name}" in card


def test_photos_of_another_set_are_told(
    data: QuantizationData, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = dataclasses.replace(
        model_of(Redness()), provenance={"dataset": "own", "dataset_fingerprint": "f"}
    )
    export_model(model, tmp_path / "bundle", int8=data)
    assert f"validation split of {data.name}, which is not the data set of the training (own)" in caplog.text


def test_a_layer_that_8_bits_ruin_is_kept_in_float(data: QuantizationData, tmp_path: Path) -> None:
    settings = GateSettings(tolerance=0.02)
    exported = export_model(model_of(Redness(400)), tmp_path / "bundle", int8=data, gate=settings)
    gate = exported.gates["onnx"]
    assert gate.kept_float
    assert gate.kept_float[0] == gate.costs[0].layer
    assert gate.iou_float32 - gate.iou_int8 <= 0.02


def test_export_fails_and_names_the_layers_when_nothing_helps(
    data: QuantizationData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.8] + [0.1] * 20)
    monkeypatch.setattr("descale.deploy.quantize.gate.corrosion_iou", lambda *_: next(scores))
    with pytest.raises(ExportError, match=r"falls from 0\.8000 to 0\.1000.*cost most.*first"):
        export_model(model_of(Redness()), tmp_path / "bundle", int8=data)
    assert not (tmp_path / "bundle").exists()


def test_iou_of_a_perfect_and_of_an_empty_answer(data: QuantizationData) -> None:
    spec = model_of(Redness()).spec

    def perfect(images: np.ndarray) -> np.ndarray:
        found = np.stack([(data.validation == image).all(axis=(1, 2, 3)).argmax() for image in images])
        ones = data.labels[found].astype(np.float32)
        return np.stack([1 - ones, ones], axis=1)

    def empty(images: np.ndarray) -> np.ndarray:
        return np.stack([np.ones(images.shape[:3]), np.zeros(images.shape[:3])], axis=1, dtype=np.float32)

    assert corrosion_iou(perfect, data, spec) == 1
    assert corrosion_iou(empty, data, spec) == 0


def test_patches_that_the_bundle_leaves_out_do_not_count(data: QuantizationData) -> None:
    spec = dataclasses.replace(model_of(Redness()).spec, patch_confidence=0.9)
    ones = data.labels.astype(np.float32)

    def of(margin: float) -> float:
        logits = np.stack([np.zeros_like(ones), np.where(ones > 0, margin, -9)], axis=1).astype(np.float32)
        return corrosion_iou(lambda _: logits, data, spec)

    assert (of(4.0), of(1.0)) == (1, 0), "sure of 0.98 and of 0.73"


def test_half_of_a_weak_networks_score_is_not_little() -> None:
    settings = GateSettings(tolerance=0.05)
    assert settings.passes(0.60, 0.56)
    assert not settings.passes(0.60, 0.54)
    assert not settings.passes(0.04, 0.0)


def answers(*ids: np.ndarray) -> np.ndarray:
    """Logits ``(N, 3, H, W)`` of a network that is certain of these classes."""
    return np.stack([np.stack([9.0 * (one == c) for c in range(3)]) for one in ids]).astype(np.float32)


def test_a_class_that_is_labelled_nowhere_is_left_out_as_in_an_evaluation() -> None:
    table = {"sound": (0, 0, 0), "fair": (250, 200, 0), "severe": (250, 0, 0)}
    classes = ClassTable(tuple(PixelClass(name, colour, name != "sound") for name, colour in table.items()))
    spec = dataclasses.replace(model_of(Redness()).spec, classes=classes)
    truth = np.zeros((1, 32, 32), np.uint8)
    truth[0, 8:20, 8:20] = 1
    found = truth.copy()
    found[0, 8:10, 8:20] = 0
    stray = found.copy()
    stray[0, 0, 0] = 2
    pictures = np.zeros((1, 32, 32, 3), np.uint8)
    data = QuantizationData(pictures, pictures, truth, "drawn", "")
    for predicted in (found, stray):
        counts = confusion_matrix(truth, predicted, 3)[None]
        evaluated = METRICS["iou_corrosion"].of(ImageConfusions(("a",), ("",), counts), classes)
        given = corrosion_iou(lambda _, ids=predicted[0]: answers(ids), data, spec)
        assert given == evaluated == pytest.approx(10 / 12)


def test_pixels_to_be_ignored_do_not_count() -> None:
    spec = model_of(Redness()).spec
    truth = np.zeros((1, 32, 32), np.uint8)
    truth[0, :8] = 1
    truth[0, 8:] = 255
    pictures = np.zeros((1, 32, 32, 3), np.uint8)
    data = QuantizationData(pictures, pictures, truth, "drawn", "")
    everywhere = np.stack([np.zeros((1, 32, 32)), np.ones((1, 32, 32))], axis=1).astype(np.float32)
    assert corrosion_iou(lambda _: everywhere, data, spec) == 1


@pytest.mark.parametrize(("split", "purpose"), [("train", "calibrated"), ("valid", "judged")])
def test_a_split_without_corrosion_is_refused(folder: Path, tmp_path: Path, split: str, purpose: str) -> None:
    shutil.copytree(folder, tmp_path / "data")
    for path in (tmp_path / "data" / split / "masks").iterdir():
        Image.fromarray(np.zeros((64, 64), np.uint8)).save(path)
    with pytest.raises(ExportError, match=rf"no corrosion in 4 photos of split '{split}'.*{purpose}"):
        load_quantization_data(tmp_path / "data", model_of(Redness()).spec)


@pytest.mark.parametrize("tolerance", [-0.1, 1, 5])
def test_tolerance_is_a_difference_of_iou(tolerance: float) -> None:
    with pytest.raises(ConfigError, match=r"outside 0\.\.1"):
        GateSettings(tolerance)


def test_two_classes_of_other_names_are_merged_as_in_training(folder: Path, tmp_path: Path) -> None:
    described = tmp_path / "rust.yaml"
    described.write_text(
        f"root: {folder}\nclasses:\n  - {{name: sound}}\n  - {{name: rust, corrosion: true}}\n"
    )
    spec = model_of(Redness()).spec
    assert set(np.unique(load_quantization_data(described, spec).labels)) == {0, 1}
    own = dataclasses.replace(spec, classes=load_dataset(described).classes)
    assert set(np.unique(load_quantization_data(described, own).labels)) == {0, 1}
    with pytest.raises(ExportError, match="The model knows the classes sound, rust"):
        load_quantization_data(folder, own)


def test_data_without_validation_or_missing(folder: Path, tmp_path: Path) -> None:
    spec = model_of(Redness()).spec
    with pytest.raises(DataError, match="nowhere"):
        load_quantization_data(tmp_path / "nowhere", spec)
    shutil.copytree(folder, tmp_path / "data", ignore=shutil.ignore_patterns("valid"))
    with pytest.raises(ExportError, match="it has 4 and 0 photos"):
        load_quantization_data(tmp_path / "data", spec)
