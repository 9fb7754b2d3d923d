"""Training a dense network from a data set."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests.training.runs import CPU, SIZE, SPEC, config, no_step, same, weights_of

from descale.base.errors import DataError, ModelError, PruningError, TrainingError
from descale.data import Dataset, load_dataset
from descale.models import build_network, load_model, make_spec
from descale.training import train_model
from descale.training.pictures import RunPictures
from descale.training.step import TrainingStep


def test_the_result_is_saved_with_where_it_came_from(dense: Path, photos: Dataset) -> None:
    model = load_model(dense)
    assert model.spec == SPEC
    assert model.widths == model.dense_widths
    assert model.provenance["dataset_fingerprint"] == photos.fingerprint()
    assert model.provenance["training"] == config().model_dump(mode="json")
    assert model.provenance["seed"] == 0
    assert model.provenance["encoder_weights"] == "none"
    assert model.provenance["versions"]["torch"] == torch.__version__


def test_a_finished_model_is_not_trained_again(
    dense: Path, photos: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainingStep, "__call__", no_step)
    again = train_model(photos, SPEC, config(), dense.parent, devices=CPU)
    assert same(weights_of(again.network), weights_of(load_model(dense).network))


def test_the_seed_decides_the_weights_to_the_last_bit(dense: Path, photos: Dataset, tmp_path: Path) -> None:
    first = weights_of(load_model(dense).network)
    again = train_model(photos, SPEC, config(), tmp_path / "again", devices=CPU)
    other = train_model(photos, SPEC, config(), tmp_path / "other", devices=CPU, seed=1)
    assert same(first, weights_of(again.network))
    assert not same(first, weights_of(other.network))


def test_the_loss_falls(photos: Dataset, tmp_path: Path) -> None:
    train_model(
        photos, SPEC, config(epochs=8, learning_rate=1e-2, augmentation="none"), tmp_path, devices=CPU
    )
    with (tmp_path / "log" / "metrics.csv").open() as stream:
        losses = [float(row["loss"]) for row in csv.DictReader(stream) if row["loss"]]
    assert len(losses) == 8
    assert sum(losses[-3:]) < 0.85 * sum(losses[:3])


def test_encoder_weights_of_a_file_are_where_training_starts(photos: Dataset, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(3)
    state = build_network(SPEC).get_submodule("encoder").state_dict()
    given = {
        key: torch.rand(value.shape, generator=generator) if value.is_floating_point() else value
        for key, value in state.items()
    }
    save_file(given, tmp_path / "encoder.safetensors")
    still = config(epochs=1, learning_rate=1e-20, optimizer="sgd", ema=None)
    model = train_model(
        photos,
        SPEC,
        still,
        tmp_path / "run",
        encoder_weights=str(tmp_path / "encoder.safetensors"),
        devices=CPU,
    )
    held = model.network.get_submodule("encoder").state_dict()
    learnt = [key for key, _ in model.network.get_submodule("encoder").named_parameters()]
    assert all(torch.equal(held[key], given[key]) for key in learnt)
    assert model.provenance["encoder_weights"].endswith("encoder.safetensors")


def test_encoder_weights_that_cannot_be_had_stop_before_the_photos_are_read(
    photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("descale.training.pictures.load_split", pytest.fail)
    with pytest.raises(ModelError, match=r"absent\.pth not found"):
        train_model(photos, SPEC, config(), tmp_path / "run", encoder_weights="absent.pth", devices=CPU)


def test_classes_of_data_and_model_must_agree(severity: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"The model has classes background, corrosion, .* good, fair"):
        train_model(load_dataset(severity), SPEC, config(), tmp_path / "run", devices=CPU)
    assert not (tmp_path / "run").exists()


def test_a_data_set_without_a_validation_split_is_an_error(photos: Dataset, tmp_path: Path) -> None:
    only = Dataset(photos.name, photos.classes, photos.split("train"))
    with pytest.raises(DataError, match="has no photo in the split 'valid'"):
        train_model(only, SPEC, config(), tmp_path, devices=CPU)


def test_training_pictures_are_kept_larger_than_they_are_seen(photos: Dataset) -> None:
    """A crop is magnified, so the copy in memory has pixels to spare; explicit crops come from the size."""
    assert RunPictures(photos, config()).full.arrays.images.shape == (14, 3, 48, 48)
    cropped = config(size=(64, 64), crop=SIZE, augmentation="zoom")
    pictures = RunPictures(photos, cropped).full
    assert pictures.arrays.images.shape == (14, 3, 64, 64)
    assert pictures.size == SIZE


def test_a_network_that_could_not_be_pruned_is_refused_before_it_is_trained(
    photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("descale.training.pictures.load_split", pytest.fail)
    spec = make_spec("unet", "tu-edgenext_xx_small", input_size=SIZE)
    with pytest.raises(PruningError, match="follow"):
        train_model(photos, spec, config(), tmp_path / "run", devices=CPU)
