from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from tests.pruning.networks import WHOLE
from torch import nn

from descale.base.errors import ConfigError, ExportError
from descale.deploy.export.bundle import export_model
from descale.deploy.export.checks import check_output, choose_targets, find_photos, require_int8
from descale.deploy.export.parity import compare, require_parity, torch_logits
from descale.deploy.export.targets import TARGETS
from descale.models import SavedModel
from descale.runtime.bundle import open_bundle

MakeModel = Callable[[str, str], SavedModel]
NOT_IN_A_LEAN_GRAPH = {"BatchNormalization", "Identity", "Dropout", "Constant", "Pad", "If", "Loop"}


@pytest.mark.parametrize("architecture", [*WHOLE, "linknet-half"])
def test_every_architecture_decides_as_in_torch_at_any_size_and_batch(
    architecture: str, make_model: MakeModel, photos: tuple[Path, ...], tmp_path: Path
) -> None:
    model = make_model(architecture, "tu-test_resnet")  # few layers: it is the decoders that differ
    exported = export_model(model, tmp_path / "bundle", targets=["onnx"], photos=photos)
    assert exported.parity["onnx"].same >= 0.999

    infer = TARGETS["onnx"].load(exported.path, exported.manifest.engines["onnx"])
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 224, 3), np.uint8)
    expected = np.concatenate([torch_logits(model, image) for image in images])
    np.testing.assert_allclose(infer(images), expected, atol=2e-3)

    operations = {node.op_type for node in onnx.load(exported.path / "network.onnx").graph.node}
    assert not operations & NOT_IN_A_LEAN_GRAPH


@pytest.mark.usefixtures("quick_tracer")
def test_what_ends_at_half_resolution_decides_as_in_torch_in_openvino(
    make_model: MakeModel, photos: tuple[Path, ...], tmp_path: Path
) -> None:
    model = make_model("unet-half", "tu-test_resnet")
    exported = export_model(model, tmp_path / "bundle", targets=["openvino"], photos=photos)
    infer = TARGETS["openvino"].load(exported.path, exported.manifest.engines["openvino"])
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 224, 3), np.uint8)
    expected = np.concatenate([torch_logits(model, image) for image in images])
    np.testing.assert_allclose(infer(images), expected, atol=2e-3)


@pytest.mark.usefixtures("quick_tracer")
def test_bundle_with_two_engines_opens_and_says_what_it_is(
    unet: SavedModel, photos: tuple[Path, ...], tmp_path: Path
) -> None:
    export_model(unet, tmp_path / "corrosion.zip", targets=["openvino", "onnx"], photos=photos)
    manifest = open_bundle(tmp_path / "corrosion.zip").manifest
    assert list(manifest.engines) == ["openvino", "onnx"]
    assert manifest.name == "unet-resnet18-dense"
    assert set(manifest.checksums) == {"network.onnx", "network.xml", "network.bin", "MODEL_CARD.md"}
    assert manifest.provenance["parity"]["openvino"]["same_pixels"] >= 0.999
    json.dumps(manifest.to_json())


@pytest.mark.usefixtures("quick_tracer")
def test_card_shows_scores_with_their_interval(
    unet: SavedModel, photos: tuple[Path, ...], tmp_path: Path
) -> None:
    metrics = {
        "test": {
            "scores": {"iou_corrosion": 0.7},
            "intervals": {"iou_corrosion": {"low": 0.65, "high": 0.74}},
            "trivial": {"iou_corrosion": 0.08},
        },
        "clean": {
            "folder": "steel",
            "photos": 195,
            "patch_above": 0.005,
            "share": {"estimate": 0.421, "low": 0.354, "high": 0.492},
            "area": {"estimate": 0.033, "low": None, "high": None},
        },
    }
    model = SavedModel(unet.spec, unet.network, unet.dense_widths, {"dataset": "bridges"}, metrics)
    export_model(model, tmp_path / "bundle", photos=photos)
    card = (tmp_path / "bundle" / "MODEL_CARD.md").read_text()
    assert "| test | IoU of corrosion, all photos together | 0.700 | 0.650 to 0.740 | 0.080 |" in card
    assert "Of photos without any corrosion (steel): 42.1 % (35.4 to 49.2) of 195 photos show a patch" in card
    assert "bridges" in card


@pytest.mark.usefixtures("quick_tracer")
def test_headings_of_a_card_stand_alone(unet: SavedModel, photos: tuple[Path, ...], tmp_path: Path) -> None:
    for bound in (0.0, 0.8):
        model = replace(unet, spec=replace(unet.spec, patch_confidence=bound))
        exported = export_model(model, tmp_path / str(bound), photos=photos)
        lines = (exported.path / "MODEL_CARD.md").read_text().splitlines()
        headings = [number for number, line in enumerate(lines) if line.startswith("## ")]
        assert headings
        assert not any(lines[number - 1] for number in headings)


@pytest.mark.usefixtures("quick_tracer")
def test_real_photos_are_compared(make_model: MakeModel, shared_data: Path, tmp_path: Path) -> None:
    model = make_model("linknet", "tu-tf_efficientnet_lite0")
    photos = find_photos([shared_data / "ccsc-sample" / "images"])
    exported = export_model(model, tmp_path / "bundle", targets=["onnx"], photos=photos)
    assert exported.parity["onnx"].pictures == len(photos) == 11
    assert not exported.parity["onnx"].synthetic


@pytest.mark.usefixtures("quick_tracer")
def test_without_photos_synthetic_pictures_are_compared_and_that_is_said(
    make_model: MakeModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exported = export_model(make_model("linknet", "tu-tf_efficientnet_lite0"), tmp_path / "bundle")
    assert exported.parity["onnx"].synthetic
    assert "synthetic pictures" in caplog.text
    assert "synthetic pictures" in (tmp_path / "bundle" / "MODEL_CARD.md").read_text()


def test_an_export_that_always_finds_nothing_is_refused_though_its_classes_are_the_same(
    unet: SavedModel,
) -> None:
    pictures = [np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)]
    expected = torch_logits(unet, pictures[0])
    quiet = SavedModel(unet.spec, Quiet(unet.network), {})  # finds nothing anywhere
    always = np.zeros_like(expected)
    always[:, 0] = 9.0
    parity = compare(quiet, lambda _: always, pictures, synthetic=True)
    assert parity.same == 1
    with pytest.raises(ExportError, match="spread"):
        require_parity(parity, "onnx")
    require_parity(compare(quiet, lambda p: torch_logits(quiet, p[0]), pictures, synthetic=True), "onnx")


class Quiet(nn.Module):
    """A network whose answers vary, but never reach the threshold."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.network(image) + torch.tensor([99.0, 0.0])[None, :, None, None]


class SizeDependent(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        row = torch.linspace(0, 1, image.shape[-1])
        return torch.stack([image[:, 0] * row, image[:, 1]], dim=1)


def test_a_network_that_hides_its_size_is_refused(unet: SavedModel, tmp_path: Path) -> None:
    model = SavedModel(unet.spec, SizeDependent(), {})
    with pytest.raises(ExportError, match="depends on the input's height or width"):
        export_model(model, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([], "at least one target"),
        (["onx"], "Unknown export target 'onx'"),
        (["litert"], r"no export to litert \(docs/deploy\.md tells why\)"),
        (["onnx", "onnx"], "given twice"),
    ],
)
def test_targets_are_checked(unet: SavedModel, tmp_path: Path, targets: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        export_model(unet, tmp_path / "bundle", targets=targets)


def test_what_is_not_a_bundle_is_never_replaced(unet: SavedModel, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_bytes(b"precious")
    (tmp_path / "file").write_text("precious")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("one.jpg", b"precious")
    for out in (tmp_path / "photos", tmp_path / "file", tmp_path / "photos.zip"):
        with pytest.raises(ExportError, match=r"Give a"):
            export_model(unet, out)
    assert (tmp_path / "photos" / "one.jpg").read_bytes() == b"precious"
    with zipfile.ZipFile(tmp_path / "photos.zip") as archive:
        assert archive.read("one.jpg") == b"precious"


@pytest.mark.parametrize("name", ["notes.txt", "photos/one.jpg"])
def test_a_bundle_with_files_of_others_beside_it_is_never_replaced(
    unet: SavedModel, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "bundle"
    for own in ("network.onnx", "MODEL_CARD.md"):
        (out / own).parent.mkdir(exist_ok=True)
        (out / own).write_text("of an earlier export")
    (out / "bundle.json").write_text(json.dumps({"checksums": {"network.onnx": "", "MODEL_CARD.md": ""}}))
    check_output(out)  # which may be replaced
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("precious")
    with pytest.raises(ExportError, match=rf"bundle holds {name}, which is not of the bundle .* or move it"):
        export_model(unet, out)
    assert (out / name).read_text() == "precious"
    (out / "bundle.json").write_text("{")
    with pytest.raises(ExportError, match="bundle holds MODEL_CARD"):
        export_model(unet, out)


def test_folder_without_photos(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="holds no photo"):
        find_photos([tmp_path])
    (tmp_path / "folder.jpg").mkdir()
    for name in (".trash/a.jpg", "._a.jpg", "a.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_photos([tmp_path]) == (tmp_path / "a.jpg",)
    with pytest.raises(ExportError, match="no such photo"):
        find_photos([tmp_path / "nowhere"])


def test_photos_too_small_to_compare(unet: SavedModel, tmp_path: Path) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    with pytest.raises(ExportError, match="at least 32x32"):
        export_model(unet, tmp_path / "bundle", photos=[tmp_path / "dot.png"])


@pytest.mark.usefixtures("quick_tracer")
@pytest.mark.parametrize("architecture", ["unet", "linknet-half"])
def test_ncnn_runs_and_agrees_at_any_size(
    architecture: str, make_model: MakeModel, photos: tuple[Path, ...], tmp_path: Path
) -> None:
    pytest.importorskip("ncnn", reason="the extra descale[ncnn] is not installed")
    pytest.importorskip("pnnx", reason="the extra descale[ncnn] is not installed")
    model = make_model(architecture, "resnet18")
    exported = export_model(model, tmp_path / "bundle", targets=["ncnn"], photos=photos)
    assert exported.manifest.engines == {"ncnn": ("network.ncnn.param", "network.ncnn.bin")}
    assert exported.parity["ncnn"].same >= 0.999
    infer = TARGETS["ncnn"].load(exported.path, exported.manifest.engines["ncnn"])
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 224, 3), np.uint8)
    expected = np.concatenate([torch_logits(model, image) for image in images])
    np.testing.assert_allclose(infer(images), expected, atol=2e-3)


@pytest.mark.usefixtures("quick_tracer")
def test_ncnn_says_that_it_lacks_group_norms(
    make_model: MakeModel, photos: tuple[Path, ...], tmp_path: Path
) -> None:
    pytest.importorskip("pnnx", reason="the extra descale[ncnn] is not installed")
    with pytest.raises(ExportError, match="ncnn has no layer for"):
        export_model(make_model("fpn", "resnet18"), tmp_path / "bundle", targets=["ncnn"], photos=photos)


def test_int8_is_refused_where_there_is_none() -> None:
    with pytest.raises(ConfigError, match="no INT8 for ncnn"):
        require_int8(choose_targets(["onnx", "ncnn"]))
