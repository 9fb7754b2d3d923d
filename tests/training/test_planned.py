"""A pruning run cuts what the plan of the same settings shows, in every network and however it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.runs import CPU, config
from torch import nn

from descale.data import Dataset
from descale.models import SavedModel, build_network, count_macs, count_parameters, make_spec
from descale.models.widths import read_widths
from descale.pruning import PruningConfig, make_plan
from descale.training import prune_model
from descale.training.schedule import PruningSchedule

SIZE = (64, 64)
TINY = "tu-test_efficientnet"


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose trainings take every step but change nothing; widths do not depend on weights."""

    def fit(*_: Any, hook: PruningSchedule | None, **__: Any) -> None:
        if hook is not None:
            hook.begin(8, torch.device("cpu"))
            for step in range(8):
                hook.after_backward(step, 1.0)
                hook.after_step(step)
            hook.end()

    monkeypatch.setattr("descale.training.stages.fit", fit)


def dense_model(architecture: str, encoder: str) -> SavedModel:
    torch.manual_seed(0)
    spec = make_spec(architecture, encoder, input_size=SIZE)
    network = build_network(spec)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return SavedModel(spec, network.eval(), read_widths(network))


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    ("architecture", "encoder", "values"),
    [
        ("unet", TINY, {"sparsity": 0.9}),
        ("unet", "resnet18", {"sparsity": 0.75, "strategy": "linear", "round_to": 8}),
        ("unetplusplus", TINY, {"sparsity": 0.5, "strategy": "movement"}),
        ("fpn", TINY, {"sparsity": 0.97}),
        ("fpn", "tu-regnetx_002", {"sparsity": 0.6, "allocation": "balanced", "cut_as_they_go": False}),
        ("linknet", TINY, {"sparsity": 0.3, "strategy": "random", "updates": 5, "schedule_epochs": 5}),
        ("linknet", TINY, {"budget": {"macs": 0.2}}),
        ("manet", TINY, {"sparsity": 0.9, "strategy": "movement"}),
        ("manet", TINY, {"budget": {"params": 0.1}, "strategy": "one-shot", "round_to": 4}),
        ("manet", TINY, {"sparsity": 0.9, "sparsity_over": "channels", "strategy": "movement"}),
        ("manet", TINY, {"sparsity": 0.8, "recipe": "paper", "recovery_epochs": 0}),
    ],
    ids=str,
)
def test_what_is_cut_is_what_was_planned(
    architecture: str, encoder: str, values: dict[str, Any], photos: Dataset, tmp_path: Path
) -> None:
    model = dense_model(architecture, encoder)
    settings = PruningConfig.model_validate(
        {"strategy": "agp", "between_epochs": 0, "recovery_epochs": 0, "recalibrate": False, **values}
    )
    plan = make_plan(
        model.network,
        size=SIZE,
        sparsity=settings.sparsity,
        sparsity_over=settings.sparsity_over,
        budget=next(iter(settings.budget.items())) if settings.budget else None,
        allocation=settings.allocation,
        round_to=settings.round_to,
    )
    pruned = prune_model(model, photos, settings, config(size=SIZE), tmp_path, devices=CPU)
    planned = {layer: row.after for row in plan.groups for layer in row.layers[:1]}
    assert {layer: outputs(pruned.network, layer) for layer in planned} == planned
    assert count_parameters(pruned.network) == plan.params_after < plan.params_before
    assert count_macs(pruned.network, SIZE) == plan.macs_after
    assert pruned.provenance["sparsity"] == pytest.approx(plan.sparsity)
    gone = 1 - plan.channels_after / plan.channels_before
    assert pruned.provenance["channels_removed"] == pytest.approx(gone)


def outputs(network: nn.Module, layer: str) -> int:
    """Filters of a layer."""
    module = network.get_submodule(layer)
    return int(module.out_features if isinstance(module, nn.Linear) else module.out_channels)


@pytest.mark.usefixtures("untrained")
def test_a_parent_with_frozen_weights_is_cut_as_another_and_all_of_it_learns(
    photos: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = PruningConfig(
        strategy="agp", sparsity=0.5, recovery_epochs=0, between_epochs=0, recalibrate=False
    )
    plain = prune_model(dense_model("unet", TINY), photos, settings, config(size=SIZE), tmp_path / "plain")
    assert "frozen" not in caplog.text
    model = dense_model("unet", TINY)
    model.network.get_submodule("encoder").requires_grad_(False)
    frozen = prune_model(model, photos, settings, config(size=SIZE), tmp_path / "frozen")
    assert frozen.widths == plain.widths
    assert all(weight.requires_grad for weight in frozen.network.parameters())
    assert not any(weight.requires_grad for weight in model.network.get_submodule("encoder").parameters())
    assert "of the parent's weights were frozen (encoder." in caplog.text
