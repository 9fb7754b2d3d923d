"""Memory layout: channels-last unless a pruned width makes it unsafe on the CPU."""

from __future__ import annotations

import torch

from descale.models import build_network, make_spec, memory_format
from descale.pruning import allocate, build_channel_graph, cut_channels
from descale.pruning.budget import first_units


def test_regular_networks_are_channels_last_and_pruned_ones_are_not() -> None:
    network = build_network(make_spec("unet", "tu-test_resnet"))
    graph = build_channel_graph(network)
    odd = cut_channels(network, graph, first_units(graph, allocate(graph, 0.6)))
    even = cut_channels(network, graph, first_units(graph, allocate(graph, 0.4, round_to=8)))
    assert memory_format(network) is torch.channels_last
    assert memory_format(odd) is torch.contiguous_format
    assert memory_format(even) is torch.channels_last
