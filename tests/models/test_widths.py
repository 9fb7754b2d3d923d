"""Widths of layers: read from a pruned network, applied to a dense one."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from descale.base.errors import ModelError
from descale.models import ARCHITECTURES, build_network, make_spec, read_widths
from descale.models.widths import Widths, apply_widths
from descale.pruning import allocate, build_channel_graph, cut_channels
from descale.pruning.budget import first_units


def cut(network: nn.Module, sparsity: float) -> nn.Module:
    graph = build_channel_graph(network)
    return cut_channels(network, graph, first_units(graph, allocate(graph, sparsity)))


@pytest.mark.parametrize(
    ("architecture", "encoder"),
    [*((name, "tu-test_efficientnet") for name in ARCHITECTURES), ("unet", "tu-convnext_atto")],
)
def test_a_dense_network_takes_the_shape_of_a_cut_one(architecture: str, encoder: str) -> None:
    spec = make_spec(architecture, encoder)
    small = cut(build_network(spec), 0.6)
    rebuilt = build_network(spec)
    apply_widths(rebuilt, read_widths(small))
    assert read_widths(rebuilt) == read_widths(small)
    rebuilt.load_state_dict(small.state_dict(), strict=True)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(rebuilt(x), small(x))


@pytest.fixture(scope="module")
def dense() -> nn.Module:
    return build_network(make_spec("fpn", "tu-test_resnet"))


@pytest.fixture
def widths(dense: nn.Module) -> Widths:
    return read_widths(cut(dense, 0.5))


HEAD = "segmentation_head.0"


@pytest.mark.parametrize("value", [0, -1, 10**9, 2.0, True, None, "3"])
def test_a_width_outside_the_dense_one_is_refused(dense: nn.Module, widths: Widths, value: int) -> None:
    widths[HEAD]["in_channels"] = value
    with pytest.raises(ModelError, match=f"width in_channels={value!r} of layer '{HEAD}' is not between 1"):
        apply_widths(copy.deepcopy(dense), widths)


def test_unknown_and_missing_layers_and_keys_are_refused(dense: nn.Module, widths: Widths) -> None:
    without = {name: entry for name, entry in widths.items() if name != HEAD}
    with pytest.raises(ModelError, match=f"1 layers differ, first '{HEAD}'"):
        apply_widths(copy.deepcopy(dense), without)
    with pytest.raises(ModelError, match="1 layers differ, first 'head'"):
        apply_widths(copy.deepcopy(dense), widths | {"head": {"in_channels": 1}})
    with pytest.raises(ModelError, match=f"widths of layer '{HEAD}' do not fit the network: 'depth'"):
        apply_widths(copy.deepcopy(dense), widths | {HEAD: widths[HEAD] | {"depth": 1}})


def test_groups_that_do_not_divide_their_channels_are_refused() -> None:
    network = nn.Sequential(nn.Conv2d(8, 8, 1, groups=4))
    with pytest.raises(ModelError, match="4 groups do not divide 8 -> 6 channels"):
        apply_widths(network, {"0": {"in_channels": 8, "out_channels": 6, "groups": 4}})
