"""What may be cut, and what is refused."""

from __future__ import annotations

import pytest
import torch
from tests.pruning.toy import OnlyHead
from torch import nn

from descale.base.errors import PruningError
from descale.models import build_network, make_spec
from descale.pruning import build_channel_graph


def test_head_is_never_cut() -> None:
    graph = build_channel_graph(build_network(make_spec("unet", "resnet18")))
    heads = [g for g in graph.groups if any(name.startswith("segmentation_head") for name in g.producers)]
    assert len(heads) == 1
    assert heads[0].refusal == "the class head is never cut"
    assert not any(name.startswith("segmentation_head") for name in graph.layers)


def test_every_convolution_but_the_head_is_prunable() -> None:
    network = build_network(make_spec("unet", "tu-tf_efficientnet_lite0"))
    convolutions = {name for name, m in network.named_modules() if isinstance(m, nn.Conv2d)}
    assert convolutions - set(build_channel_graph(network).layers) == {"segmentation_head.0"}


def test_tied_layers_share_a_group() -> None:
    graph = build_channel_graph(build_network(make_spec("unet", "resnet18")))
    group = next(g for g in graph.prunable if "encoder.layer1.0.conv2" in g.producers)
    assert {"encoder.conv1", "encoder.layer1.1.conv2"} & set(group.producers)


@pytest.mark.parametrize(
    ("encoder", "inside", "outside"),
    [
        ("resnet18", "encoder.layer1.0.conv1", "encoder.layer1.0.conv2"),
        ("resnet50", "encoder.layer2.1.conv2", "encoder.layer2.0.conv3"),
        ("tu-tf_efficientnet_lite0", "encoder.model.blocks.1.1.conv_pw", "encoder.model.blocks.1.0.conv_pw"),
    ],
)
def test_insides_of_residual_branches_are_told_from_what_everything_passes(
    encoder: str, inside: str, outside: str
) -> None:
    graph = build_channel_graph(build_network(make_spec("unet", encoder)))
    bypassed = {name for group in graph.groups if group.index in graph.bypassed for name in group.producers}
    assert inside in bypassed
    assert outside not in bypassed
    assert not any(name.startswith("decoder") for name in bypassed)


def test_what_lies_below_a_skip_of_linknet_is_no_residual_branch() -> None:
    graph = build_channel_graph(build_network(make_spec("linknet", "tu-tf_efficientnet_lite0")))
    bypassed = {name for group in graph.groups if group.index in graph.bypassed for name in group.producers}
    assert "encoder.model.blocks.5.1.conv_pw" in bypassed
    assert "encoder.model.blocks.5.0.conv_pwl" not in bypassed  # the trunk at stride 32
    assert "encoder.model.blocks.5.0.conv_pw" not in bypassed  # leads down to it
    assert not any(name.startswith("decoder") for name in bypassed)


def test_transformer_encoders_are_left_dense_and_listed() -> None:
    graph = build_channel_graph(build_network(make_spec("unet", "mit_b0")))
    reasons = {g.refusal for g in graph.groups if g.refusal}
    assert any("reshape" in reason for reason in reasons)
    assert all(name.startswith("decoder.") for name in graph.layers)


def test_frozen_weights_are_cut_as_others() -> None:
    network = build_network(make_spec("manet", "tu-test_efficientnet"))
    free = build_channel_graph(network)
    network.get_submodule("encoder").requires_grad_(False)
    frozen = [weight.requires_grad for weight in network.parameters()]
    with torch.inference_mode():
        graph = build_channel_graph(network)
    assert graph.groups == free.groups
    assert [weight.requires_grad for weight in network.parameters()] == frozen
    assert build_channel_graph(network.requires_grad_(False)).groups == free.groups


def test_nothing_to_prune_is_an_error() -> None:
    with pytest.raises(PruningError, match="Nothing in this network can be pruned: the class head"):
        build_channel_graph(OnlyHead())


def test_couplings_that_grow_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_network(make_spec("linknet", "tu-test_efficientnet"))
    build_channel_graph(network)
    monkeypatch.setattr("descale.pruning.trace.MOST_COUPLED", 10)
    with pytest.raises(PruningError, match="coupled over more than 10 operations"):
        build_channel_graph(network)
