"""What cannot be pruned, or was cut wrongly, is refused with the reason before anything is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.pruning.toy import OnlyHead
from tests.training.prunings import pruned, short
from tests.training.runs import CPU, config
from torch import nn

from descale.base.errors import PruningError, TrainingError
from descale.data import Dataset, load_dataset
from descale.models import SavedModel, load_model
from descale.training import prune_model, slim_from_scratch

HEAD = "segmentation_head.0"


def test_a_budget_below_the_floor_is_an_error_before_anything_starts(
    dense: Path, photos: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(
        PruningError, match=r"cannot be met: with one unit in every group .* The least is macs=0\."
    ):
        pruned(dense, photos, short(budget={"macs": 1e-6}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_classes_of_data_and_model_must_agree(dense: Path, severity: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"The model has classes background, corrosion"):
        pruned(dense, load_dataset(severity), short(), tmp_path / "run")
    with pytest.raises(TrainingError, match=r"The model has classes background, corrosion"):
        slim_from_scratch(load_model(dense), load_dataset(severity), config(), tmp_path / "run", devices=CPU)
    assert not (tmp_path / "run").exists()


def test_a_network_with_nothing_to_prune_is_an_error_before_anything_starts(
    dense: Path, photos: Dataset, tmp_path: Path
) -> None:
    parent = SavedModel(load_model(dense).spec, OnlyHead(), {})
    with pytest.raises(PruningError, match="Nothing in this network can be pruned"):
        prune_model(parent, photos, short(), config(), tmp_path / "run", devices=CPU)
    assert not (tmp_path / "run").exists()


def test_a_cut_that_changes_the_answer_is_refused(
    dense: Path, photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from descale.training import stages

    original = stages.cut_channels

    def sabotaged(network: nn.Module, *rest: Any) -> nn.Module:
        cut = original(network, *rest)
        cut.get_submodule(HEAD).get_parameter("bias").data += 1.0
        return cut

    monkeypatch.setattr(stages, "cut_channels", sabotaged)
    with pytest.raises(PruningError, match="Cutting changed the network's output"):
        pruned(dense, photos, short(), tmp_path)
    assert not (tmp_path / "schedule-0" / "model").exists()


def test_a_recovery_that_cannot_normalise_is_refused_before_anything_is_cut(
    dense: Path, photos: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="recovery_batch"):
        pruned(dense, photos, short(recovery_batch=1), tmp_path)
    assert not list(tmp_path.iterdir())
