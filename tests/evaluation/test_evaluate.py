from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from typer.testing import CliRunner

from descale.base.classes import BINARY
from descale.base.errors import DataError, DescaleError
from descale.cli import commands
from descale.cli.main import app
from descale.data import Dataset, load_dataset
from descale.evaluation import confusion_matrix, score
from descale.evaluation.evaluate import (
    colour_floor_confusions,
    fit_colour_floor,
    image_confusions,
    segment_photo,
)
from descale.models import SavedModel, build_network, make_spec, read_widths, save_model

SIZE = (64, 64)
CORNERS = 4
"""Pixels that a rectangle may lose or gain at its corners when it is made smaller and larger again."""


class RedIsCorrosion(nn.Module):
    """Answers from the colour of a pixel, so that the right result is known."""

    def forward(self, images: Tensor) -> Tensor:
        red = images[:, 0] - images[:, 2]
        return torch.stack([-red, red], dim=1)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for split, count in (("train", 4), ("test", 5)):
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True)
        for i in range(count):
            mask = np.zeros((128, 128), dtype=np.uint8)
            mask[16 : 48 + 8 * i, 32:96] = 1
            image = np.where(mask[..., None] == 1, (200, 60, 20), (20, 90, 200)).astype(np.uint8)
            image[100:, :20] = (220, 40, 40)  # red paint, not corrosion
            image += random.integers(0, 5, image.shape, dtype=np.uint8)
            Image.fromarray(image).save(folder / split / "images" / f"{split}{i}.png")
            Image.fromarray(mask * 255).save(folder / split / "masks" / f"{split}{i}.png")
    return load_dataset(folder)


@pytest.fixture(scope="module")
def red_model() -> SavedModel:
    spec = replace(make_spec("unet", "resnet18", input_size=SIZE), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return SavedModel(spec, RedIsCorrosion().eval(), {})


def test_confusions_are_those_of_the_network(photos: Dataset, red_model: SavedModel) -> None:
    confusions = image_confusions(red_model, photos.split("test"), batch_size=2)
    assert confusions.ids == tuple(f"test{i}" for i in range(5))
    assert confusions.counts.sum(axis=(1, 2)).tolist() == [128 * 128] * 5  # not 64, as the network sees them
    assert (confusions.counts[:, 1, 0] <= CORNERS).all()  # all corrosion is red
    assert (abs(confusions.counts[:, 0, 1] - 28 * 20) <= CORNERS).all()  # the painted corner


def test_photos_of_every_size_are_scored_at_their_own(red_model: SavedModel, tmp_path: Path) -> None:
    """By hand: a corroded square with its sides on whole pixels of the network's picture, and one beside."""
    sizes = {"a": (128, 64), "b": (64, 64), "c": (128, 128)}
    for kind in ("images", "masks"):
        for split in ("train", "test"):
            (tmp_path / split / kind).mkdir(parents=True)
        Image.new("L", (8, 8)).save(tmp_path / "train" / kind / "z.png")
    for name, (height, width) in sizes.items():
        mask = np.zeros((height, width), dtype=np.uint8)
        mask[height // 4 : height // 2, width // 4 : width // 2] = 1
        image = np.where(mask[..., None] == 1, (200, 60, 20), (20, 90, 200)).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "test" / "images" / f"{name}.png")
        Image.fromarray(mask * 255).save(tmp_path / "test" / "masks" / f"{name}.png")
    found = image_confusions(red_model, load_dataset(tmp_path).split("test"), batch_size=2)
    pixels = np.array([height * width for height, width in sizes.values()])
    np.testing.assert_array_equal(found.counts.sum(axis=(1, 2)), pixels)
    assert (abs(found.counts[:, 1, 1] - pixels // 16) <= CORNERS).all()
    assert (abs(found.counts[:, 0, 0] - pixels * 15 // 16) <= CORNERS).all()


def test_batch_size_does_not_matter(photos: Dataset, red_model: SavedModel) -> None:
    one, many = (image_confusions(red_model, photos.split("test"), batch_size=n) for n in (1, 64))
    np.testing.assert_array_equal(one.counts, many.counts)


def test_masks_are_kept_as_they_were_scored(photos: Dataset, red_model: SavedModel, tmp_path: Path) -> None:
    confusions = image_confusions(red_model, photos.split("test"), masks_folder=tmp_path / "masks")
    for index, sample in enumerate(photos.split("test")):
        kept = np.asarray(Image.open(tmp_path / "masks" / f"{sample.id}.png"))
        np.testing.assert_array_equal(confusion_matrix(sample.read_mask(), kept, 2), confusions.counts[index])
        np.testing.assert_array_equal(segment_photo(red_model, sample.read_image()), kept)


def test_patches_that_are_too_unsure_are_not_scored(photos: Dataset, red_model: SavedModel) -> None:
    photo = photos.samples[0].read_image()
    everything = segment_photo(red_model, photo)
    assert everything.any()
    sure = replace(red_model, spec=replace(red_model.spec, patch_confidence=0.999999))
    assert not segment_photo(sure, photo).any()
    allowed = replace(red_model, spec=replace(red_model.spec, patch_confidence=0.01))
    np.testing.assert_array_equal(segment_photo(allowed, photo), everything)


def test_colour_floor_is_scored_on_the_same_pixels(photos: Dataset, red_model: SavedModel) -> None:
    threshold = fit_colour_floor(photos, SIZE)
    floor = colour_floor_confusions(threshold, photos.split("test"), photos.classes)
    model = image_confusions(red_model, photos.split("test"))
    np.testing.assert_array_equal(floor.truth, model.truth)
    assert floor.ids == model.ids
    assert score(floor, BINARY).iou_corrosion > 0.9


def test_nothing_to_evaluate_is_a_clear_error(red_model: SavedModel) -> None:
    with pytest.raises(DataError, match="no photo to evaluate"):
        image_confusions(red_model, ())


@pytest.fixture(scope="module")
def saved_unet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "unet"
    torch.manual_seed(0)
    spec = make_spec("unet", "resnet18", input_size=SIZE)
    network = build_network(spec)
    save_model(folder, SavedModel(spec, network, read_widths(network)))
    return folder


def run(*arguments: str):
    if not any(command.name == "evaluate" for command in app.registered_commands):
        commands.register(app)
    return CliRunner().invoke(app, ["evaluate", *arguments])


def test_command_prints_and_writes(photos: Dataset, saved_unet: Path, tmp_path: Path) -> None:
    data = str(photos.samples[0].image.parents[2])
    result = run(
        str(saved_unet),
        "--data",
        data,
        "--json",
        str(tmp_path / "s.json"),
        "--per-image",
        str(tmp_path / "i.csv"),
    )
    assert result.exit_code == 0, result.output
    for text in ("headline", "95 % interval", "constant", "colour", "predicted corrosion", "MACs at 64x64"):
        assert text in " ".join(result.output.split())
    written = json.loads((tmp_path / "s.json").read_text())
    assert written["images"] == 5
    assert written["costs"]["params"] > 1e6
    assert np.sum(written["confusion_matrix"]) == 5 * 128 * 128
    lines = (tmp_path / "i.csv").read_text().splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("id,group,iou_corrosion,iou_paper,background as background")


def test_command_refuses_a_split_that_is_empty(photos: Dataset, saved_unet: Path) -> None:
    result = run(str(saved_unet), "--data", str(photos.samples[0].image.parents[2]), "--split", "valid")
    assert isinstance(result.exception, DescaleError)
    assert "valid" in str(result.exception)
