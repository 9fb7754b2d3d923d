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
    encoder: str, sparsity: float, round_to: int, layout: torch.memory_format
) -> None:
    assert memory_format(cut(encoder, sparsity, round_to)) is layout
