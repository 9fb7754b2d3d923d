"""What a pruning run aims at, asked of the target alone."""

from __future__ import annotations

import logging

import pytest
import torch

from descale.models import build_network, make_spec
from descale.pruning import PruningConfig
from descale.pruning.budget import first_units
from descale.pruning.cut import cut_channels
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
    cut = cut_channels(network, target.graph, keep)
    assert target.realised(network) == 0.0
    assert target.realised(cut) == pytest.approx(target.sparsity, abs=0.01)


def test_a_budget_is_turned_into_a_sparsity() -> None:
    target = find_target(build_network(SPEC), settings(budget={"params": 0.3}), SIZE)
    assert 0.2 < target.sparsity < 0.8
    assert target.budget == target.counts_at(1.0, None, {})


@pytest.mark.parametrize("encoder", ["tu-regnetx_002", "tu-test_efficientnet"])
def test_what_is_left_is_told_in_the_dense_networks_groups(encoder: str) -> None:
    """Of a grouped convolution with one group left the channels are no longer tied; it is at its end."""
    network = build_network(make_spec("unet", encoder, input_size=SIZE))
    target = find_target(network, settings(sparsity=0.9, allocation="uniform"), SIZE)
    everything = {group.index: group.units for group in target.graph.prunable}
    counts = target.counts_at(1.0, None, everything)
    assert 1 in counts.values()
    remainder = target.remainder(cut_channels(network, target.graph, first_units(target.graph, counts)))
    left = {remainder.origin[group.index]: group.units for group in remainder.graph.prunable}
    assert left == {index: count for index, count in counts.items() if count > 1}


def test_scores_of_what_is_left_are_told_in_the_dense_networks_units() -> None:
    network = build_network(SPEC)
    target = find_target(network, settings(sparsity=0.8, allocation="retained"), SIZE)
    counts = {group.index: max(1, group.units // 4) for group in target.graph.prunable}
    remainder = target.remainder(cut_channels(network, target.graph, first_units(target.graph, counts)))
    scores = {group.index: torch.full((group.units,), 3.0) for group in remainder.graph.prunable}
    found = target.dense_scores(remainder, scores)
    for group in target.graph.prunable:
        expected = 3.0 * counts[group.index] if counts[group.index] > 1 else 1.0
        assert float(found[group.index].sum()) == expected


def test_a_sparsity_that_the_widths_do_not_allow_is_said_before_training(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        find_target(build_network(SPEC), settings(sparsity=0.9), SIZE)
    assert "widths allow no closer" not in caplog.text
    with caplog.at_level(logging.WARNING):
        find_target(build_network(SPEC), settings(sparsity=0.99), SIZE)
    assert "instead of 0.990: widths allow no closer" in caplog.text
