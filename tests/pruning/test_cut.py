"""The cut: what leaves, what stays, what is never touched."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.pruning.networks import keep_by, settled_network
from tests.pruning.toy import Toy, pictures

from descale.base.errors import PruningError
from descale.pruning import Gates, build_channel_graph, cut_channels


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


@pytest.mark.parametrize(
    ("architecture", "encoder"),
    [("unet", "tu-regnetx_002"), ("manet", "tu-test_efficientnet"), ("fpn", "resnet18")],
)
def test_what_is_cut_twice_is_what_is_cut_at_once(architecture: str, encoder: str) -> None:
    """Units keep their numbers, also those of norms in groups, grouped convolutions and attention."""
    network = settled_network(architecture, encoder)
    graph = build_channel_graph(network)
    half = keep_by("random", network, graph, 0.5)
    smaller = cut_channels(network, graph, half)
    left = graph.cut(half)
    tenth = {
        group.index: np.isin(np.arange(group.units), np.flatnonzero(half[group.index])[1::5])
        for group in left.prunable
    }
    gates = Gates(smaller, left)
    gates.set(tenth)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        gated = smaller(x)
    gates.remove()
    twice, once = cut_channels(smaller, left, tenth), cut_channels(network, graph, half | tenth)
    assert twice.state_dict().keys() == once.state_dict().keys()
    for key, value in once.state_dict().items():
        assert torch.equal(twice.state_dict()[key], value), key
    with torch.no_grad():
        assert torch.equal(twice(x), once(x))
        assert torch.allclose(once(x), gated, rtol=1e-4, atol=1e-4)


def test_units_keep_their_numbers_and_a_last_one_is_not_cut() -> None:
    graph = build_channel_graph(Toy())
    first, second = sorted(graph.prunable, key=lambda group: group.producers)
    some, last = np.arange(8) % 3 == 1, np.arange(6) == 4
    left = graph.cut({first.index: some, second.index: last})
    assert [group.index for group in left.prunable] == [first.index]
    assert left.groups[second.index].refusal == "its last unit is left"
    assert (left.keep_all()[first.index] == some).all()
    assert left.slots[("norm", "out")].units.tolist() == [1, 4, 7]
    assert left.slots[("segmentation_head", "in")].units.tolist() == [4]
    again = left.cut({first.index: np.arange(8) == 4})
    assert not again.prunable
    assert again.slots[("second", "in")].units.tolist() == [4]
