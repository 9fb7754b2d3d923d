"""Settings of pruning are checked before anything runs."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from descale.pruning import RECIPES, STRATEGIES, PruningConfig


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_fill_what_is_not_given(strategy: str, recipe: str) -> None:
    config = PruningConfig.model_validate(
        {"strategy": strategy, "sparsity": 0.9, "recipe": recipe, "updates": 3}
    )
    assert config.updates == 3
    assert config.allocation == RECIPES[recipe]["allocation"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sparsity": 0.0}, "cuts nothing; give a value above 0 and below 1"),
        ({"sparsity": 1.0}, "leaves nothing"),
        ({}, "sparsity .* or budget"),
        ({"sparsity": 0.5, "budget": {"macs": 0.1}}, "either sparsity"),
        ({"budget": {"macs": 1.5}}, "between 0 and 1"),
        ({"budget": {"latency": 0.1}, "round_to": 8}, "leave round_to out"),
        ({"budget": {"macs": 0.1}, "latency_table": "times.csv"}, "latency_table is for a budget such as"),
        ({"sparsity": 0.5, "recipe": "papper"}, "unknown recipe"),
        ({"sparsity": 0.5, "importance": "taylr"}, "unknown importance"),
        ({"sparsity": 0.5, "allocation": "even"}, "unknown allocation"),
        (
            {"sparsity": 0.5, "distillation": 0.5, "views": 1},
            "distillation is no longer there.* leave it out",
        ),
        ({"sparsity": 0.5, "views": 2}, "views is no longer there"),
        ({"sparsity": 0.5, "updates": 9, "schedule_epochs": 4}, "set schedule_epochs to 9 or more"),
        ({"sparsity": 0.5, "spasity": 0.5}, "Extra inputs"),
        ({"budget": {"macs": 0.1}, "allocation": "global"}, "allocation global follows scores"),
        ({"budget": {"macs": 0.1}, "sparsity_over": "channels"}, "give one, or leave it out"),
        ({"sparsity": 0.5, "sparsity_over": "channels", "allocation": "global"}, "cannot be counted"),
        ({"sparsity": 0.5, "allocation": "retained", "strategy": "movement"}, "no common scale"),
    ],
)
def test_bad_settings_are_refused(values: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PruningConfig.model_validate({"strategy": "agp", **values})


def test_settings_of_older_files_open_where_they_did_without_what_is_gone() -> None:
    old = {"strategy": "agp", "sparsity": 0.5, "distillation": 0.0, "temperature": 2.0, "views": 0}
    assert PruningConfig.model_validate(old) == PruningConfig.model_validate(
        {"strategy": "agp", "sparsity": 0.5}
    )
    assert (
        not {"distillation", "temperature", "views"} & PruningConfig.model_validate(old).model_dump().keys()
    )


def test_what_a_sparsity_is_a_share_of_is_written_only_where_it_is_not_the_mean_over_layers() -> None:
    """Names of trials and folders of runs are made of these values; those of earlier versions stay valid."""
    plain = PruningConfig.model_validate({"strategy": "agp", "sparsity": 0.5})
    assert "sparsity_over" not in plain.model_dump(mode="json")
    whole = PruningConfig.model_validate({"strategy": "agp", "sparsity": 0.5, "sparsity_over": "channels"})
    assert PruningConfig.model_validate(whole.model_dump(mode="json")) == whole
