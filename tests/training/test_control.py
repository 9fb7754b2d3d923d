"""The slim network from random weights: the same widths, none of the knowledge, and it can be continued."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.training.runs import CPU, config, same, stopped_at, weights_of

from descale.data import Dataset
from descale.models import SavedModel, load_model
from descale.pruning import PruningConfig
from descale.training import prune_model, slim_from_scratch


@pytest.fixture(scope="module")
def slim(dense: Path, photos: Dataset, tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    """A pruned model to copy the widths of."""
    settings = {"strategy": "agp", "sparsity": 0.5, "updates": 1, "schedule_epochs": 1, "recovery_epochs": 0}
    pruning, folder = PruningConfig.model_validate(settings), tmp_path_factory.mktemp("slim")
    return prune_model(load_model(dense), photos, pruning, config(), folder, devices=CPU)


def test_the_control_has_the_same_widths_and_none_of_the_knowledge(
    slim: SavedModel, photos: Dataset, tmp_path: Path
) -> None:
    control = slim_from_scratch(slim, photos, config(), tmp_path / "a", devices=CPU)
    other = slim_from_scratch(slim, photos, config(), tmp_path / "b", devices=CPU, seed=1)
    assert control.widths == slim.widths
    assert control.dense_widths == slim.dense_widths
    assert control.provenance["strategy"] == "slim-scratch"
    assert load_model(tmp_path / "a" / "model").widths == slim.widths
    ours, theirs = weights_of(control.network), weights_of(slim.network)
    for name, parameter in control.network.named_parameters():
        if parameter.ndim > 1:
            similarity = torch.cosine_similarity(ours[name].flatten(), theirs[name].flatten(), dim=0)
            assert abs(float(similarity)) < 0.9 or parameter.numel() < 50, name
    assert not same(ours, weights_of(other.network))


def test_a_control_that_was_stopped_ends_as_if_it_had_not_been(
    slim: SavedModel, photos: Dataset, tmp_path: Path
) -> None:
    whole = slim_from_scratch(slim, photos, config(), tmp_path / "whole", devices=CPU)
    with stopped_at(4):
        slim_from_scratch(slim, photos, config(), tmp_path / "stopped", devices=CPU)
    again = slim_from_scratch(slim, photos, config(), tmp_path / "stopped", devices=CPU)
    assert same(weights_of(again.network), weights_of(whole.network))
