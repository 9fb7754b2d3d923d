"""Gate equals cut: for every architecture, kind of encoder and strategy.

All of them together, some minutes: DESCALE_EVERY_NETWORK=1 pytest tests/pruning/test_exact.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.pruning.networks import keep_by, sampled, settled_network, strategies_for
from torch import nn

from descale.base.errors import PruningError
from descale.models import count_parameters
from descale.pruning import Gates, build_channel_graph, cut_channels
from descale.pruning.exact import check_exact


@pytest.mark.parametrize(("architecture", "encoder"), sampled())
def test_gated_and_cut_network_agree(architecture: str, encoder: str) -> None:
    network = settled_network(architecture, encoder)
    graph = build_channel_graph(network)
    x = torch.randn(1, 3, 96, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        dense = network(x)
    assert len(graph.layers) > 0.55 * sum(isinstance(m, nn.Conv2d) for m in network.modules())
    for strategy in strategies_for(architecture, encoder):
        keep = keep_by(strategy, network, graph, 0.7)
        gates = Gates(network, graph)
        gates.set(keep)
        with torch.no_grad():
            gated = network(x)
        gates.remove()
        cut = cut_channels(network, graph, keep)
        with torch.no_grad():
            after, restored = cut(x), network(x)
        scale = max(1.0, float(gated.abs().max()))
        assert float((gated - after).abs().max()) <= 1e-5 * scale, strategy
        assert float((gated - dense).abs().max()) > 1e-3 * scale, "the gates closed nothing"
        assert torch.equal(restored, dense), "removing the gates must restore the network"
        assert count_parameters(cut) < 0.5 * count_parameters(network)
        head = [m for m in cut.segmentation_head.modules() if isinstance(m, nn.Conv2d)][-1]
        assert head.out_channels == 2


def test_a_leaking_norm_bias_would_be_noticed() -> None:
    """Zeroing filters, as masks do, is not the same as removing them: the norm still emits its bias."""
    network = settled_network("unet", "resnet18")
    graph = build_channel_graph(network)
    keep = keep_by("linear", network, graph, 0.5)
    cut = cut_channels(network, graph, keep)
    for name in graph.layers:
        closed = torch.from_numpy(~graph.slots[(name, "out")].kept(keep))
        network.get_submodule(name).weight.data[closed] = 0.0
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert float((network(x) - cut(x)).abs().max()) > 1e-3


def test_a_network_that_answers_nan_proves_nothing() -> None:
    network = settled_network("unet", "resnet18")
    graph = build_channel_graph(network)
    keep = keep_by("linear", network, graph, 0.5)
    cut = cut_channels(network, graph, keep)
    check_exact(network, graph, keep, cut)
    for one in (network, cut):
        next(one.segmentation_head.parameters()).data.fill_(float("nan"))
    with pytest.raises(PruningError):
        check_exact(network, graph, keep, cut)


def test_gate_gradients_are_gradient_times_weight() -> None:
    """The gate's gradient sums gradient x weight over every slice that reads the unit."""
    network = settled_network("unet", "resnet18")
    graph = build_channel_graph(network)
    group = next(g for g in graph.prunable if g.producers == ("decoder.blocks.4.conv1.0",))
    reader = network.get_submodule("decoder.blocks.4.conv2.0")
    gates = Gates(network, graph, scored=True)
    network(torch.randn(1, 3, 64, 64)).square().mean().backward()
    original = reader.parametrizations.weight.original
    by_hand = (original.grad * original.detach()).sum(dim=(0, 2, 3))
    found = gates.gradient()[graph.spans[group.index]]
    gates.remove()
    assert torch.allclose(found, by_hand, rtol=1e-4, atol=1e-9)


def test_norm_groups_shrink_with_their_channels() -> None:
    network = settled_network("fpn", "resnet18")
    graph = build_channel_graph(network)
    cut = cut_channels(network, graph, keep_by("linear", network, graph, 0.9))
    norms = [m for m in cut.modules() if isinstance(m, nn.GroupNorm)]
    assert norms
    for norm in norms:
        assert (norm.num_groups, norm.num_channels) == (3, 12)


def test_sparsity_is_the_mean_over_layers() -> None:
    network = settled_network("linknet", "resnet18")
    graph = build_channel_graph(network)
    keep = graph.keep_all()
    assert graph.sparsity(keep) == 0.0
    group = graph.prunable[0]
    keep[group.index] = np.arange(group.units) < group.units // 2
    expected = 0.5 * len(group.producers) / len(graph.layers)
    assert graph.sparsity(keep) == pytest.approx(expected)
