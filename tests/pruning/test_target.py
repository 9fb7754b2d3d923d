"""What a pruning run aims at, asked of the target alone."""

from __future__ import annotations

import pytest

from descale.models import build_network, make_spec
from descale.pruning import PruningConfig
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
