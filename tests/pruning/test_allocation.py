"""How many channels stay."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pruning.networks import WHOLE

from descale.models import build_network, make_spec
from descale.pruning import ALLOCATIONS, ChannelGraph, allocate, build_channel_graph
from descale.pruning.footprint import Footprint


@pytest.fixture(scope="module")
def graph() -> ChannelGraph:
    return build_channel_graph(build_network(make_spec("unet", "tu-tf_efficientnet_lite0")))


def _sparsity(graph: ChannelGraph, counts: dict[int, int]) -> float:
    shares = graph.layer_shares()
    return sum(shares[g.index] * (1 - counts[g.index] / g.units) for g in graph.prunable)


@settings(max_examples=60, deadline=None)
@given(sparsity=st.floats(0.05, 0.93), allocation=st.sampled_from(list(ALLOCATIONS)))
def test_realised_sparsity_is_what_was_asked_for(
    graph: ChannelGraph, sparsity: float, allocation: str
) -> None:
    counts = allocate(graph, sparsity, allocation=allocation)
    assert all(1 <= counts[g.index] <= g.units for g in graph.prunable)
    assert abs(_sparsity(graph, counts) - sparsity) <= 0.01


@settings(max_examples=30, deadline=None)
@given(
    low=st.floats(0.0, 0.9),
    step=st.floats(0.03, 0.1),
    allocation=st.sampled_from(["uniform", "balanced", "bypass"]),
)
def test_more_sparsity_never_costs_more(
    graph: ChannelGraph, low: float, step: float, allocation: str
) -> None:
    before = allocate(graph, low, allocation=allocation)
    after = allocate(graph, low + step, allocation=allocation)
    assert sum(after.values()) <= sum(before.values())


@pytest.mark.parametrize("sparsity", [0.5, 0.75, 0.9, 0.97])
def test_multiples_of_eight_are_never_zero_and_never_full_again(graph: ChannelGraph, sparsity: float) -> None:
    counts = allocate(graph, sparsity, round_to=8)
    for group in graph.prunable:
        count = counts[group.index]
        assert count >= 1
        assert count < group.units or group.units < 16, "silently back to full width"
        if group.units >= 16:
            assert count % 8 == 0


def test_uniform_rounds_to_the_nearest(graph: ChannelGraph) -> None:
    counts = allocate(graph, 0.5)
    for group in graph.prunable:
        assert abs(counts[group.index] - group.units / 2) <= 1


def test_balanced_favours_narrow_layers(graph: ChannelGraph) -> None:
    uniform, balanced = allocate(graph, 0.9), allocate(graph, 0.9, allocation="balanced")
    narrow = min(graph.prunable, key=lambda g: g.units)
    wide = max(graph.prunable, key=lambda g: g.units)
    assert balanced[narrow.index] > uniform[narrow.index]
    assert balanced[wide.index] < uniform[wide.index]


def test_bypass_takes_from_the_insides_of_residual_branches(graph: ChannelGraph) -> None:
    balanced, bypass = (
        allocate(graph, 0.75, allocation="balanced"),
        allocate(graph, 0.75, allocation="bypass"),
    )
    for group in graph.prunable:
        if group.index in graph.bypassed:
            assert 2 <= bypass[group.index] < balanced[group.index]
        else:
            assert bypass[group.index] >= balanced[group.index]


@pytest.mark.parametrize("architecture", WHOLE)
@pytest.mark.parametrize("sparsity", [0.5, 0.75, 0.9])
def test_footprint_agrees_with_the_cut_network(architecture: str, sparsity: float) -> None:
    from descale.models import count_macs, count_parameters
    from descale.pruning import cut_channels
    from descale.pruning.budget import first_units

    network = build_network(make_spec(architecture, "mobilenet_v2"))
    graph = build_channel_graph(network)
    counts = allocate(graph, sparsity, allocation="balanced")
    predicted = Footprint(network, graph, (64, 64)).totals(counts)
    cut = cut_channels(network, graph, first_units(graph, counts))
    assert predicted.params == count_parameters(cut)
    assert predicted.macs == count_macs(cut, (64, 64))


def test_no_layer_is_left_with_a_single_channel_at_90_percent() -> None:
    """LinkNet's last block is 4 wide; one dead channel in it would silence the whole network."""
    graph = build_channel_graph(build_network(make_spec("linknet", "tu-tf_efficientnet_lite0")))
    assert min(allocate(graph, 0.9, allocation="uniform").values()) == 1
    assert min(allocate(graph, 0.9, allocation="balanced").values()) == 2


def test_a_group_whose_scores_are_all_zero_is_not_kept_whole(graph: ChannelGraph) -> None:
    scores = {
        group.index: torch.rand(group.units, generator=torch.Generator().manual_seed(group.index)) + 0.1
        for group in graph.prunable
    }
    dead = max(graph.prunable, key=lambda group: group.units).index
    scores[dead] = torch.zeros_like(scores[dead])
    for allocation in ("retained", "global"):
        counts = allocate(graph, 0.6, allocation=allocation, scores=scores)
        assert counts[dead] <= 0.05 * scores[dead].numel()
