"""``descale plan``: the plan it prints is the plan that would be cut."""

from __future__ import annotations

import json
from typing import Any

import pytest

from descale.models import build_network, count_macs, count_parameters, make_spec

NETWORK = ("--arch", "linknet", "--encoder", "tu-test_efficientnet", "--size", "64x96")


def planned(descale: Any, *options: str) -> dict[str, Any]:
    ended = descale("plan", *NETWORK, *options, "--format", "json")
    assert (ended.status, ended.errors) == (0, [])
    return dict(json.loads(ended.out))


def test_json_holds_every_group_and_true_totals(descale: Any) -> None:
    plan = planned(descale, "--sparsity", "0.9")
    network = build_network(make_spec("linknet", "tu-test_efficientnet"))
    assert plan["params_before"] == count_parameters(network)
    assert plan["macs_before"] == count_macs(network, (64, 96))
    assert plan["sparsity"] == pytest.approx(0.9, abs=0.01)
    assert plan["macs_after"] < 0.1 * plan["macs_before"]
    assert sum(group["macs_share"] for group in plan["groups"]) == pytest.approx(1.0)
    cut = [group for group in plan["groups"] if "never" not in group["reason"]]
    for when in ("before", "after"):
        assert plan[f"channels_{when}"] == sum(len(group["layers"]) * group[when] for group in cut)
    heads = [group for group in plan["groups"] if "segmentation_head.0" in group["layers"]]
    assert [(head["before"], head["after"]) for head in heads] == [(2, 2)]
    assert heads[0]["reason"] == "the class head is never cut"


def test_the_table_shows_totals_and_reasons(descale: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = descale("plan", *NETWORK, "--sparsity", "0.9").out
    assert "sparsity 0.9" in shown
    assert "at 64x96" in shown
    plan = planned(descale, "--sparsity", "0.9")
    assert f"{plan['channels_before']:,} → {plan['channels_after']:,}" in shown
    assert "94,788" in shown
    (head,) = [line for line in shown.splitlines() if "segmentation_head.0" in line]
    assert "2 → 2" in head
    assert "the class head is never cut" in head


def test_a_budget_decides_over_the_sparsity_and_is_hit(descale: Any) -> None:
    plan = planned(descale, "--sparsity", "0.9", "--budget", "macs=0.5")
    assert plan["macs_after"] / plan["macs_before"] == pytest.approx(0.5, rel=0.02)
    assert plan["sparsity"] < 0.6


def test_classes_and_multiples_are_as_asked(descale: Any) -> None:
    plan = planned(descale, "--sparsity", "0.5", "--classes", "5", "--round-to", "8")
    assert [g["after"] for g in plan["groups"] if "segmentation_head.0" in g["layers"]] == [5]
    wide = [group for group in plan["groups"] if group["units"] >= 16 and not group["reason"]]
    assert wide
    assert all(group["kept"] % 8 == 0 for group in wide)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--budget", "macs=0.0000001"], "The least is macs=0."),
        (["--budget", "flops=0.1"], "Budget 'flops=0.1' is not understood"),
        (["--sparsity", "0"], "sparsity of 0 cuts nothing"),
        (["--sparsity", "0.5", "--size", "100"], "Input size 100 is not a multiple of 32; use 96"),
        (["--sparsity", "0.5", "--encoder", "resnet19"], "Nearest: resnet18"),
        (["--sparsity", "0.5", "--arch", "unet++"], "unetplusplus"),
        (["--sparsity", "0.5", "--encoder", "tu-test_vit"], "LinkNet cannot use encoder 'tu-test_vit'"),
    ],
)
def test_what_cannot_be_planned_ends_in_one_line(descale: Any, options: list[str], message: str) -> None:
    ended = descale("plan", *NETWORK, *options)
    assert ended.status == 1
    (line,) = ended.errors
    assert message in line


def test_multiples_of_nothing_are_refused(descale: Any) -> None:
    ended = descale("plan", *NETWORK, "--sparsity", "0.5", "--round-to", "0")
    assert ended.status != 0
    assert "round" in ended.err
    assert "Traceback" not in ended.err
