"""Gates come on, go off, and leave no trace."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.pruning.networks import WHOLE, settled_network
from tests.pruning.toy import Toy, loss_of, pictures

from descale.pruning import Gates, build_channel_graph
from descale.pruning.importance import by_group


def test_gates_leave_no_trace() -> None:
    network = Toy()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    graph = build_channel_graph(network)
    gates = Gates(network, graph, scored=True)
    gates.set({group.index: np.arange(group.units) < 1 for group in graph.prunable})
    gates.remove()
    after = network.state_dict()
    assert set(after) == set(before)
    assert all(torch.equal(after[key], before[key]) for key in after)
    assert type(network.first) is torch.nn.Conv2d
    assert all(isinstance(p, torch.nn.Parameter) for p in (network.second.weight, network.first.weight))


def test_groups_that_are_not_named_stay_as_they_are() -> None:
    network = Toy().eval()
    graph = build_channel_graph(network)
    gates = Gates(network, graph)
    first, second = graph.prunable
    gates.set({first.index: np.arange(first.units) < 2})
    gates.set({second.index: np.arange(second.units) < 3})
    opened = {g.index: int(gates.values[graph.spans[g.index]].sum()) for g in graph.prunable}
    assert opened == {first.index: 2, second.index: 3}
    assert int(gates.values[-1]) == 1, "the last gate is of channels in no group, always open"


def test_a_closed_gate_silences_bias_and_norm() -> None:
    """All gates closed: the head answers with its own bias, whatever the picture."""
    network = Toy().eval()
    graph = build_channel_graph(network)
    gates = Gates(network, graph)
    gates.set({group.index: np.zeros(group.units, dtype=bool) for group in graph.prunable})
    with torch.no_grad():
        answer = network(pictures())
    bias = network.segmentation_head.bias.detach().view(1, 2, 1, 1)
    assert torch.equal(answer, bias.expand_as(answer))


def test_gates_follow_the_network_to_another_device() -> None:
    """The meta device computes shapes alone, and refuses tensors of others as any device does."""
    network = Toy()
    graph = build_channel_graph(network)
    gates = Gates(network, graph, scored=True)
    network.to("meta")
    gates.to("meta")
    network(pictures().to("meta")).sum().backward()
    assert gates.values.grad is not None


def test_gradients_are_given_once_and_only_where_asked_for() -> None:
    network = Toy()
    graph = build_channel_graph(network)
    gates = Gates(network, graph, scored=True)
    loss_of(network, pictures()).backward()
    assert all(bool(gradient.any()) for gradient in by_group(graph, gates.gradient()).values())
    assert not gates.gradient().any()
    gates.remove()
    plain = Gates(network, graph)
    loss_of(network, pictures()).backward()
    assert not plain.gradient().any()


def test_weights_behind_closed_gates_do_not_learn() -> None:
    network = Toy()
    graph = build_channel_graph(network)
    gates = Gates(network, graph, scored=True)
    group = next(g for g in graph.prunable if g.producers == ("first",))
    gates.set({group.index: np.arange(8) < 5})
    loss_of(network, pictures()).backward()
    gradient = network.second.parametrizations.weight.original.grad  # type: ignore[union-attr]
    assert bool(gradient[:, :5].any())
    assert not gradient[:, 5:].any()


@pytest.mark.parametrize("architecture", WHOLE)
def test_every_unit_that_can_be_cut_is_scored(architecture: str) -> None:
    network = settled_network(architecture, "tu-test_efficientnet")
    graph = build_channel_graph(network)
    gates = Gates(network, graph, scored=True)
    network(torch.randn(2, 3, 64, 64)).square().mean().backward()
    gradients = by_group(graph, gates.gradient())
    silent = {graph.groups[group].producers for group, values in gradients.items() if not values.any()}
    assert not silent


def test_closed_inner_channels_of_the_attention_are_scored_too() -> None:
    network = settled_network("manet", "tu-test_efficientnet")
    graph = build_channel_graph(network)
    gates = Gates(network, graph, scored=True)
    inner = next(g for g in graph.prunable if any(name.endswith("top_conv") for name in g.producers))
    half = np.arange(inner.units) < inner.units // 2
    gates.set({inner.index: half})
    network(torch.randn(2, 3, 64, 64)).square().mean().backward()
    gradient = by_group(graph, gates.gradient())[inner.index]
    assert all(bool(part.any()) for part in (gradient[half], gradient[~half]))
