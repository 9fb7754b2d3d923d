"""Budgets are hit, floors are named, plans tell the truth."""

from __future__ import annotations

import json

import pytest

from descale.base.errors import ConfigError, PruningError
from descale.models import build_network, make_spec
from descale.pruning import build_channel_graph, make_plan
from descale.pruning.allocation import allocate
from descale.pruning.budget import BudgetWidths


@pytest.fixture(scope="module")
def network():  # type: ignore[no-untyped-def]
    return build_network(make_spec("fpn", "resnet18"))


@pytest.mark.parametrize(
    "budget", [("macs", 0.5), ("macs", 0.1), ("macs", 0.02), ("params", 0.3), ("params", 0.02)]
)
def test_budget_is_hit_within_two_percent(network, budget: tuple[str, float]) -> None:  # type: ignore[no-untyped-def]
    plan = make_plan(network, size=(64, 64), budget=budget)
    kind, share = budget
    reached = plan.macs_after / plan.macs_before if kind == "macs" else plan.params_after / plan.params_before
    assert reached == pytest.approx(share, rel=0.02)


def test_budget_below_the_floor_names_the_floor(network) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PruningError, match=r"one unit in every group .* The least is macs=0\.00"):
        make_plan(network, size=(64, 64), budget=("macs", 1e-6))


def test_plan_lists_every_group_with_reasons(network) -> None:  # type: ignore[no-untyped-def]
    plan = make_plan(network, size=(64, 64), sparsity=0.9)
    head = next(row for row in plan.groups if "segmentation_head.0" in row.layers)
    assert head.reason == "the class head is never cut"
    assert head.before == head.after == 2
    assert sum(row.macs_share for row in plan.groups) == pytest.approx(1.0)
    assert plan.sparsity == pytest.approx(0.9, abs=0.01)
    assert plan.note == ""
    assert json.loads(json.dumps(plan.to_json()))["sparsity"] == plan.sparsity


def test_plan_says_when_the_budget_decides(network) -> None:  # type: ignore[no-untyped-def]
    plan = make_plan(network, size=(64, 64), sparsity=0.9, budget=("macs", 0.3))
    assert plan.macs_after / plan.macs_before == pytest.approx(0.3, rel=0.02)
    assert plan.note == f"sparsity {plan.sparsity:.3f} instead of 0.900: the budget macs=0.3 decides."


def test_plan_says_where_widths_allow_no_closer() -> None:
    network = build_network(make_spec("fpn", "resnet18"))
    plan = make_plan(network, size=(64, 64), sparsity=0.9999)
    assert plan.sparsity < 0.989
    assert "widths allow no closer" in plan.note
    assert any("the least there can be" in row.reason for row in plan.groups)


def test_a_floor_that_rounding_makes_is_named() -> None:
    network = build_network(make_spec("unet", "resnet18"))
    with pytest.raises(PruningError, match=r"with widths in multiples of 64 .* The least is macs=0\.\d+"):
        make_plan(network, size=(64, 64), budget=("macs", 0.01), round_to=64)


def test_widths_found_elsewhere_and_what_they_miss_are_taken_into_the_plan() -> None:
    network = build_network(make_spec("linknet", "tu-test_efficientnet"))
    graph = build_channel_graph(network)
    widths = BudgetWidths(allocate(graph, 0.5), "latency=0.4000 instead of 0.5")
    plan = make_plan(network, size=(64, 64), budget=("latency", 0.5), graph=graph, widths=widths)
    assert plan.counts == widths.counts
    assert plan.note == widths.note


def test_a_latency_is_not_counted_here() -> None:
    network = build_network(make_spec("linknet", "tu-test_efficientnet"))
    with pytest.raises(PruningError, match="'latency' cannot be counted"):
        make_plan(network, size=(64, 64), budget=("latency", 0.5))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sparsity": 1.0}, "leaves nothing"),
        ({"sparsity": -0.1}, "cuts nothing"),
        ({}, "a sparsity or a budget"),
    ],
)
def test_a_plan_without_an_aim_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plan(build_network(make_spec("unet", "tu-test_efficientnet")), size=(64, 64), **values)
