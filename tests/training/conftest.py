"""A data set and a dense network that is trained once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.runs import CPU, SPEC, config

from descale.data import Dataset, load_dataset
from descale.training import train_model


@pytest.fixture(scope="session")
def photos(steel: Path) -> Dataset:
    return load_dataset(steel)


@pytest.fixture(scope="session")
def dense(photos: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a trained dense model; load it anew where its weights will be changed."""
    folder = tmp_path_factory.mktemp("dense")
    train_model(photos, SPEC, config(), folder, devices=CPU)
    return folder / "model"
