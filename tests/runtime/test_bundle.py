"""A bundle opens if it is whole, and says what is wrong with it otherwise."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.runtime.tiny_networks import FOUR, network, write_bundle

from descale.base.errors import BundleError, ConfigError
from descale.runtime import BundleManifest, Segmenter, open_bundle, pack_bundle
from descale.runtime.bundle import MANIFEST
from descale.runtime.engines import ENGINES, Engine, choose_engine, open_engine
from descale.runtime.working_scale import working_scale


def test_manifest_survives_json(tiny_bundle: Path) -> None:
    manifest = open_bundle(tiny_bundle).manifest
    assert BundleManifest.from_json(json.loads(json.dumps(manifest.to_json()))) == manifest


def test_zip_equals_folder(tiny_bundle: Path, tmp_path: Path) -> None:
    pack_bundle(tiny_bundle, tmp_path / "one.zip")
    pack_bundle(tiny_bundle, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    packed, folder = open_bundle(tmp_path / "one.zip"), open_bundle(tiny_bundle)
    assert packed.manifest == folder.manifest
    assert packed.read("network.onnx") == folder.read("network.onnx")


def _edit(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST).read_text())
        change(manifest)
        (folder / MANIFEST).write_text(json.dumps(manifest))

    return edit


DAMAGES = {
    "no manifest": (lambda f: (f / MANIFEST).unlink(), "bundle.json is missing"),
    "broken json": (lambda f: (f / MANIFEST).write_text("{"), "cannot be used"),
    "not text": (lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe{"), "cannot be used"),
    "brackets": (lambda f: (f / MANIFEST).write_text("[" * 200_000), "cannot be used"),
    "endless stride": (_edit(lambda m: m.update(stride=float("inf"))), "cannot be used"),
    "a list": (lambda f: (f / MANIFEST).write_text("[]"), "cannot be used"),
    "no network": (lambda f: (f / "network.onnx").unlink(), "network.onnx is missing"),
    "changed network": (
        lambda f: (f / "network.onnx").write_bytes(b"x"),
        "checksum of network.onnx is wrong",
    ),
    "newer format": (_edit(lambda m: m.update(format_version=99)), "format version 99 is newer"),
    "no checksum": (_edit(lambda m: m["checksums"].clear()), "no checksum for network.onnx"),
    "no classes": (_edit(lambda m: m.pop("classes")), "'classes' is missing"),
    "one class": (_edit(lambda m: m["classes"].pop()), "at least two classes"),
    "bad colour": (
        _edit(lambda m: m["classes"][1].update(colour=[300, 0, 0])),
        "colour .300, 0, 0. of class",
    ),
    "bad bound": (_edit(lambda m: m.update(patch_confidence=-1)), "patch_confidence -1"),
    "bad threshold": (_edit(lambda m: m.update(threshold=7)), "threshold 7"),
    "bad overlap": (_edit(lambda m: m.update(overlap=100)), "overlap 100"),
    "outside": (_edit(lambda m: m["checksums"].update({"../x": "0"})), "points outside"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_named(tiny_bundle: Path, damage: Callable[[Path], object], message: str) -> None:
    damage(tiny_bundle)
    with pytest.raises(BundleError, match=message) as caught:
        open_bundle(tiny_bundle)
    assert str(tiny_bundle) in str(caught.value)
    assert any(
        remedy in str(caught.value) for remedy in ("xport the bundle again", "xport it again", "trusted")
    )


def test_truncated_zip(tiny_bundle: Path, tmp_path: Path) -> None:
    pack_bundle(tiny_bundle, tmp_path / "b.zip")
    content = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(BundleError, match="neither a folder nor a readable zip"):
        open_bundle(tmp_path / "b.zip")


def test_a_zip_damaged_anywhere_opens_whole_or_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    pack_bundle(tiny_bundle, path)
    content, whole = path.read_bytes(), open_bundle(path)
    for place in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            opened = open_bundle(path)
        except BundleError:
            continue
        assert opened.manifest == whole.manifest
        assert opened.read("network.onnx") == (tiny_bundle / "network.onnx").read_bytes()


def test_zip_with_a_changed_file(tiny_bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(tiny_bundle / MANIFEST, MANIFEST)
        archive.writestr("network.onnx", b"another network")
    with pytest.raises(BundleError, match="checksum"):
        open_bundle(tmp_path / "b.zip")


def test_a_zip_that_would_fill_the_memory_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "large.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, (tiny_bundle / MANIFEST).read_bytes() + b" " * (17 << 20))
    with pytest.raises(BundleError, match=r"bundle\.json would unpack to more than 16 MB"):
        open_bundle(tmp_path / "large.zip")


def test_no_such_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such bundle"):
        open_bundle(tmp_path / "nothing")


def test_class_table_must_fit_the_network(tmp_path: Path) -> None:
    two_channels = network(np.zeros((2, 3, 1, 1), np.float32))
    folder = write_bundle(tmp_path / "b", two_channels, classes=FOUR)
    for engine in ("onnxruntime", "openvino"):
        with pytest.raises(BundleError, match=r"4 classes .* gives 2 channels"):
            Segmenter.from_bundle(folder, engine)


def test_network_that_is_no_network(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b", b"not a network")
    for engine in ("onnxruntime", "openvino"):
        with pytest.raises(BundleError, match=r"cannot load network\.onnx"):
            Segmenter.from_bundle(folder, engine)


def test_int8_is_opened_in_the_engine_that_judged_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    float32 = open_bundle(write_bundle(tmp_path / "b", network(np.zeros((2, 3, 1, 1), np.float32))))
    int8 = replace(float32, manifest=replace(float32.manifest, precision="int8"))
    monkeypatch.setattr(
        "descale.runtime.engines.ENGINES",
        {name: replace(kind, available=lambda: True) for name, kind in ENGINES.items()},
    )
    assert list(float32.manifest.engines) == ["onnx"]
    assert choose_engine(float32) == "openvino"
    assert choose_engine(int8) == "onnxruntime"
    assert choose_engine(int8, "openvino") == "openvino"


def test_an_engine_that_is_installed_but_broken_is_no_fault_of_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Engine:
        raise ImportError("libtbb.so.12: cannot open shared object file")

    bundle = open_bundle(write_bundle(tmp_path / "b", network(np.zeros((2, 3, 1, 1), np.float32))))
    monkeypatch.setitem(ENGINES, "openvino", replace(ENGINES["openvino"], open=broken))
    with pytest.raises(ConfigError, match=r"libtbb.*--engine onnxruntime"):
        open_engine(bundle, "openvino", threads=1)


@pytest.mark.parametrize("size", [["a", "b"], [0, 0], [True, 160.0, 3], None])
def test_an_input_size_that_is_none_is_as_if_there_were_none(size: object) -> None:
    assert working_scale({"input_size": size}, 512 * 512) == 1.0


def test_a_model_that_was_not_exported_yet_is_told_from_a_bundle(tmp_path: Path) -> None:
    model = tmp_path / "unet" / "model"
    model.mkdir(parents=True)
    (model / "model.json").write_text("{}")
    with pytest.raises(BundleError, match=r"descale export .*model --to onnx --out unet.zip"):
        open_bundle(model)
