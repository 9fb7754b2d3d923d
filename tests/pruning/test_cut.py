"""The cut: what leaves, what stays, what is never touched."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.pruning.toy import Toy, pictures

from descale.base.errors import PruningError
from descale.pruning import build_channel_graph, cut_channels


def test_the_channels_that_stay_keep_their_weights() -> None:
    network = Toy().eval()
    graph = build_channel_graph(network)
    group = next(g for g in graph.prunable if g.producers == ("first",))
    keep = np.array([True, False, True, False, False, True, False, False])
    cut = cut_channels(network, graph, {group.index: keep})
    assert torch.equal(cut.first.weight, network.first.weight[keep])
    assert torch.equal(cut.first.bias, network.first.bias[keep])
    assert torch.equal(cut.norm.bias, network.norm.bias[keep])
    assert torch.equal(cut.norm.running_var, network.norm.running_var[keep])
    assert torch.equal(cut.second.weight, network.second.weight[:, keep])
    assert torch.equal(cut.segmentation_head.weight, network.segmentation_head.weight)
    assert cut.second.out_channels == 6, "a group that is not named stays whole"


def test_the_network_given_is_left_alone() -> None:
    network = Toy().eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    graph = build_channel_graph(network)
    cut = cut_channels(network, graph, {g.index: np.arange(g.units) < 2 for g in graph.prunable})
    for parameter in cut.parameters():
        parameter.data.fill_(7.0)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_cutting_nothing_changes_nothing() -> None:
    network = Toy().eval()
    graph = build_channel_graph(network)
    cut = cut_channels(network, graph, graph.keep_all())
    with torch.no_grad():
        assert torch.equal(cut(pictures()), network(pictures()))


def test_a_group_may_not_lose_all_its_channels() -> None:
    network = Toy()
    graph = build_channel_graph(network)
    group = next(g for g in graph.prunable if g.producers == ("second",))
    with pytest.raises(PruningError, match=rf"Group {group.index} \(second\) would lose all its channels"):
        cut_channels(network, graph, {group.index: np.zeros(6, dtype=bool)})
