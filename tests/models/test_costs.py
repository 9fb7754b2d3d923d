"""Costs: multiply-accumulates against an independent counter, parameters, bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from tests.pruning.networks import WHOLE
from torch import Tensor, nn

from descale.models import (
    SavedModel,
    build_network,
    count_macs,
    count_parameters,
    layer_costs,
    make_spec,
    read_widths,
    save_model,
    weights_bytes,
)
from descale.pruning import allocate, build_channel_graph, cut_channels
from descale.pruning.budget import first_units

SIZE = (64, 96)  # not square, so that height and width cannot be confused
LAYERS = ("conv", "linear", "addmm")


def macs_of_fvcore(network: nn.Module, size: tuple[int, int]) -> int:
    """Convolutions and linear layers alone: fvcore also counts norms, resizing and attention's products."""
    analysis = FlopCountAnalysis(network.eval(), torch.zeros(1, 3, *size))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    return int(sum(analysis.by_operator()[name] for name in LAYERS))


@pytest.mark.parametrize("encoder", ["tu-test_efficientnet", "tu-convnext_atto"])
@pytest.mark.parametrize("architecture", [*WHOLE, "unet-half"])
def test_macs_are_those_of_an_independent_counter(architecture: str, encoder: str) -> None:
    network = build_network(make_spec(architecture, encoder))
    assert count_macs(network, SIZE) == macs_of_fvcore(network, SIZE) > 1e6


@pytest.mark.parametrize("architecture", [*WHOLE, "manet-half"])
def test_macs_of_a_cut_network_are_those_of_an_independent_counter(architecture: str) -> None:
    network = build_network(make_spec(architecture, "tu-test_efficientnet"))
    graph = build_channel_graph(network)
    cut = cut_channels(network, graph, first_units(graph, allocate(graph, 0.7)))
    macs = count_macs(cut, SIZE)
    assert macs == macs_of_fvcore(cut, SIZE)
    assert macs < 0.3 * count_macs(network, SIZE)


def test_the_default_encoder_is_counted_right() -> None:
    network = build_network(make_spec("unet", "tu-tf_efficientnet_lite0"))
    assert count_macs(network, (160, 160)) == macs_of_fvcore(network, (160, 160))


class TwiceTheSame(nn.Module):
    """A layer that is called twice, a transposed and a grouped convolution, and one in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.same = nn.Conv2d(3, 3, 3, padding=1)
        self.up = nn.ConvTranspose2d(3, 4, 2, stride=2)
        self.grouped = nn.Conv2d(4, 8, 3, groups=2, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.grouped(self.up(self.same(self.same(x)))))


def test_macs_and_parameters_by_hand() -> None:
    network = TwiceTheSame()
    costs = layer_costs(network, (4, 6))
    assert costs["same"].macs == 2 * (4 * 6) * (3 * 3 * 3 * 3)
    assert costs["up"].macs == (4 * 6) * (3 * 4 * 2 * 2)  # each input pixel gives 2x2 outputs
    assert costs["grouped"].macs == (4 * 6) * (8 * 2 * 3 * 3)
    assert count_macs(network, (4, 6)) == sum(cost.macs for cost in costs.values())
    assert count_parameters(network) == (3 * 3 * 9 + 3) + (3 * 4 * 4 + 4) + 8 * 2 * 9 + 2 * 8


def test_counting_leaves_the_network_as_it_was() -> None:
    network = TwiceTheSame().train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    count_macs(network, (4, 6))
    assert network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_bytes_are_those_of_the_weights_on_disk(tmp_path: Path) -> None:
    spec = make_spec("fpn", "tu-test_resnet")
    network = build_network(spec)
    save_model(tmp_path / "model", SavedModel(spec, network, read_widths(network)))
    tensors = sum(tensor.nbytes for tensor in network.state_dict().values())
    found = weights_bytes(tmp_path / "model")
    assert tensors < found < tensors + 100_000
    assert found == (tmp_path / "model" / "model.safetensors").stat().st_size
