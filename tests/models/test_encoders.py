"""Encoders: names and normalisation."""

from __future__ import annotations

import pytest

from descale.base.errors import ModelError
from descale.models import DEFAULT_ENCODER, build_network, make_spec


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
