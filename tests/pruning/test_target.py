"""What a pruning run aims at, asked of the target alone."""

from __future__ import annotations

import logging

import pytest
import torch

from descale.models import build_network, make_spec
from descale.pruning import PruningConfig
from descale.pruning.target import find_target

SIZE = (64, 64)
SPEC = make_spec("linknet", "tu-test_efficientnet", input_size=SIZE)


def settings(**values: object) -> PruningConfig:
    return PruningConfig.model_validate({"strategy": "agp", **values})


@pytest.mark.parametrize("values", [{"sparsity": 0.6}, {"budget": {"params": 0.3}}])
def test_what_stays_falls_from_everything_to_the_target(values: dict[str, object]) -> None:
    network = build_network(SPEC)
    target = find_target(network, settings(**values), SIZE)
    everything = {group.index: group.units for group in target.graph.prunable}
    start, half, end = (target.counts_at(progress, None, everything) for progress in (0.0, 0.5, 1.0))
    assert start == everything
    assert all(start[group] >= half[group] >= end[group] >= 1 for group in everything)
    keep = target.graph.keep_all()
    for group, count in end.items():
        keep[group][count:] = False
    assert target.graph.sparsity(keep) == pytest.approx(target.sparsity, abs=0.01)


def test_a_budget_is_turned_into_a_sparsity() -> None:
    target = find_target(build_network(SPEC), settings(budget={"params": 0.3}), SIZE)
    assert 0.2 < target.sparsity < 0.8
    assert target.budget == target.counts_at(1.0, None, {})


@pytest.mark.parametrize("allocation", ["uniform", "balanced", "bypass"])
def test_of_all_channels_together_the_share_goes_that_was_asked_for(allocation: str) -> None:
    network, graph = build_network(SPEC), None
    left = {}
    for over in ("layers", "channels"):
        chosen = settings(sparsity=0.8, sparsity_over=over, allocation=allocation)
        target = find_target(network, chosen, SIZE, graph=graph)
        graph, keep = target.graph, target.graph.keep_all()
        for group, count in target.counts_at(1.0, None, {g: len(units) for g, units in keep.items()}).items():
            keep[group][count:] = False
        left[over] = sum(int(units.sum()) for units in keep.values())
        if over == "channels":
            layers = [target.graph.slots[(name, "out")].kept(keep) for name in target.graph.layers]
            gone = 1 - sum(int(layer.sum()) for layer in layers) / sum(len(layer) for layer in layers)
            assert gone == pytest.approx(0.8, abs=0.01)
    if allocation != "uniform":
        assert left["layers"] < 0.9 * left["channels"], "wide layers give more than their share"


def test_a_group_that_is_not_named_is_down_to_its_last_unit() -> None:
    network = build_network(SPEC)
    target = find_target(network, settings(sparsity=0.8, allocation="retained"), SIZE)
    first, *others = target.graph.prunable
    scores = {group.index: torch.rand(group.units) for group in others}
    counts = target.counts_at(0.5, scores, {group.index: group.units for group in others})
    assert counts[first.index] == 1
    assert sum(counts[group.index] for group in others) > len(others)


def test_a_sparsity_that_the_widths_do_not_allow_is_said_before_training(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        find_target(build_network(SPEC), settings(sparsity=0.9), SIZE)
    assert "widths allow no closer" not in caplog.text
    with caplog.at_level(logging.WARNING):
        find_target(build_network(SPEC), settings(sparsity=0.99), SIZE)
    assert "instead of 0.990: widths allow no closer" in caplog.text
