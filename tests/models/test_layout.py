"""Memory layout: channels-last unless a pruned width makes it unsafe on the CPU."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from descale.models import build_network, make_spec, memory_format
from descale.pruning import allocate, build_channel_graph, cut_channels
from descale.pruning.budget import first_units


def cut(encoder: str, sparsity: float, round_to: int) -> nn.Module:
    network = build_network(make_spec("unet", encoder))
    graph = build_channel_graph(network)
    return cut_channels(network, graph, first_units(graph, allocate(graph, sparsity, round_to=round_to)))


@pytest.mark.parametrize(
    ("encoder", "sparsity", "round_to", "layout"),
    [
        ("resnet18", 0.0, 1, torch.channels_last),
        ("resnet18", 0.4, 8, torch.channels_last),
        ("resnet18", 0.6, 1, torch.contiguous_format),  # its shortcuts are strided 1x1 convolutions
        ("tu-test_efficientnet", 0.6, 1, torch.channels_last),
    ],
)
def test_only_odd_widths_in_strided_shortcuts_need_the_plain_layout(
    encoder: str,
    sparsity: float,
    round_to: int,
    layout: torch.memory_format,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_supported", lambda: True)
    assert memory_format(cut(encoder, sparsity, round_to)) is layout


@pytest.mark.parametrize(("sparsity", "narrow"), [(0.0, False), (0.5, False), (0.9, True)])
def test_narrow_networks_have_whole_channels_in_a_row_where_that_is_faster(
    sparsity: float, narrow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = (
        cut("mobilenet_v2", sparsity, 1) if sparsity else build_network(make_spec("unet", "mobilenet_v2"))
    )
    monkeypatch.setattr(torch.cpu, "_is_avx512_supported", lambda: False)
    assert memory_format(network) is (torch.contiguous_format if narrow else torch.channels_last)
    monkeypatch.setattr(torch.cpu, "_is_avx512_supported", lambda: True)
    assert memory_format(network) is torch.channels_last
