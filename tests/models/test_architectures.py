"""Architectures by name."""

from __future__ import annotations

import pytest
import torch

from descale.base.errors import ModelError
from descale.models import ARCHITECTURES, build_network, find_architecture, make_spec


def test_the_five_of_the_study_are_there_and_those_that_end_at_half_resolution() -> None:
    titles = {name: find_architecture(name).title for name in ARCHITECTURES}
    assert titles == {
        "unet": "U-Net", "unetplusplus": "U-Net++", "fpn": "FPN", "linknet": "LinkNet", "manet": "MA-Net",
        "unet-half": "U-Net half", "unetplusplus-half": "U-Net++ half", "linknet-half": "LinkNet half",
        "manet-half": "MA-Net half",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Unet", "unet"),
        ("u-net", "unet"),
        ("unet++", "unetplusplus"),
        ("U-Net++", "unetplusplus"),
        ("FPN", "fpn"),
        ("lnknet", "linknet"),
        ("MA-Net", "manet"),
        ("U-Net half", "unet-half"),
        ("unet_half", "unet-half"),
        ("linknethalf", "linknet-half"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_first(typed: str, meant: str) -> None:
    with pytest.raises(ModelError, match=rf"Unknown architecture '.*'\. Did you mean {meant}\b"):
        find_architecture(typed)


def test_a_name_like_no_other_is_answered_with_all() -> None:
    with pytest.raises(ModelError, match="Known: unet, unetplusplus, fpn, linknet, manet"):
        make_spec("deeplab", "resnet18")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_have_the_size_of_the_picture_and_a_channel_per_class(architecture: str) -> None:
    network = build_network(make_spec(architecture, "tu-test_resnet"))
    assert type(network).__name__.lower() == architecture.removesuffix("-half")
    with torch.no_grad():
        assert network(torch.zeros(2, 3, 64, 96)).shape == (2, 2, 64, 96)
    assert not network.training
