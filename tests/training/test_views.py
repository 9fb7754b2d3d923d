"""Views with the parent's answers: computed once, kept, and turned together with their pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.runs import SIZE
from torch import Tensor, nn

from descale.data import Dataset
from descale.data.loading import PixelArrays, load_split
from descale.models import SavedModel, load_model
from descale.training.views import TeacherViews, teacher_views


@pytest.fixture(scope="module")
def pictures(photos: Dataset) -> PixelArrays:
    return load_split(photos.split("train"), (48, 48))


def views_of(parent: SavedModel, pictures: PixelArrays, cache: Path, **changes: Any) -> TeacherViews:
    settings = {
        "identity": "one",
        "size": SIZE,
        "augmentation": "standard",
        "views": 2,
        "cache": cache,
        **changes,
    }
    return teacher_views(parent, pictures, **settings)


def folders(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir())


def test_the_answers_are_those_of_the_parent(dense: Path, pictures: PixelArrays, tmp_path: Path) -> None:
    parent = load_model(dense)
    assert len(views_of(parent, pictures, tmp_path)) == 14
    (folder,) = tmp_path.iterdir()
    images, soft = np.load(folder / "images.npy"), np.load(folder / "soft.npy")
    assert images.shape == (28, 3, *SIZE)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (parent.spec.mean, parent.spec.std))
    with torch.no_grad():
        expected = parent.network((torch.from_numpy(images).float() / 255 - mean) / std)
    spread = float(expected.std())
    assert np.abs(soft - expected.numpy()).max() < 0.1 * spread, "bfloat16 and half precision, no more"


def test_views_of_a_photo_differ_and_their_number_is_as_asked(
    dense: Path, pictures: PixelArrays, tmp_path: Path
) -> None:
    sixteen = PixelArrays(pictures.images.repeat(2, 1, 1, 1)[:16], pictures.masks.repeat(2, 1, 1)[:16])
    views_of(load_model(dense), sixteen, tmp_path, views=3)
    (folder,) = tmp_path.iterdir()
    images = np.load(folder / "images.npy")
    assert len(images) == 3 * 16
    for first, second in ((0, 16), (0, 32), (16, 32)):
        differ = images[first : first + 16] != images[second : second + 16]
        assert differ.any(axis=(1, 2, 3)).all()


class Broken(nn.Module):
    """A network that must not be asked."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        raise AssertionError("asked again")


def test_answers_are_computed_once_for_the_same_parent_and_settings(
    dense: Path, pictures: PixelArrays, tmp_path: Path
) -> None:
    parent = load_model(dense)
    first = views_of(parent, pictures, tmp_path)
    again = views_of(replace(parent, network=Broken()), pictures, tmp_path)
    batches = [views.batch(torch.arange(6), seed=3) for views in (first, again)]
    assert all(torch.equal(batches[0][key], batches[1][key]) for key in ("image", "mask", "soft"))
    for changes in (
        {"identity": "two"},
        {"views": 1},
        {"augmentation": "none"},
        {"seed": 1},
        {"size": (64, 64)},
    ):
        before = folders(tmp_path)
        with pytest.raises(AssertionError, match="asked again"):
            views_of(replace(parent, network=Broken()), pictures, tmp_path, **changes)
        assert folders(tmp_path) == before, "nothing half-written stays"


@pytest.fixture
def halves(tmp_path: Path) -> TeacherViews:
    """Pictures that are bright where the mask is 1 and where the answer is 5."""
    generator = np.random.default_rng(0)
    mask = np.kron(generator.integers(0, 2, (8, 4, 4)), np.ones((1, 8, 8), int)).astype(np.uint8)
    image = np.repeat(40 + 150 * mask[:, None], 3, axis=1).astype(np.uint8)
    np.save(tmp_path / "masks.npy", mask)
    np.save(tmp_path / "images.npy", image)
    np.save(tmp_path / "soft.npy", np.stack([-5.0 * mask, 5.0 * mask], axis=1).astype(np.float16))
    return TeacherViews(tmp_path, photos=4)


def test_mirrors_move_picture_label_and_answer_together(halves: TeacherViews) -> None:
    for seed in range(6):
        batch = halves.batch(torch.arange(4), seed)
        bright = batch["image"].float().mean(1)
        middle = (bright.amax((1, 2)) + bright.amin((1, 2))) / 2
        assert torch.equal((bright > middle.view(-1, 1, 1)).to(torch.uint8), batch["mask"])
        assert torch.equal(batch["soft"][:, 1], 5.0 * batch["mask"].half())
        assert torch.equal(batch["soft"][:, 0], -batch["soft"][:, 1])


def test_batches_hold_all_views_as_they_are_and_mirrored(halves: TeacherViews) -> None:
    stored = torch.from_numpy(np.array(halves._masks))
    found = set()
    for seed in range(12):
        masks = halves.batch(torch.arange(4), seed)["mask"]
        for photo in range(4):
            for view in (0, 1):
                mirrors = {"": (), "left-right": (-1,), "up-down": (-2,), "both": (-1, -2)}
                for name, axes in mirrors.items():
                    if torch.equal(masks[photo], stored[4 * view + photo].flip(axes)):
                        found.add((view, name))
    assert {view for view, _ in found} == {0, 1}
    assert {name for _, name in found} == {"", "left-right", "up-down", "both"}


def test_a_batch_depends_on_its_seed_alone_and_leaves_the_store_alone(halves: TeacherViews) -> None:
    first = halves.batch(torch.arange(4), 1)
    others = [halves.batch(torch.arange(4), seed) for seed in range(2, 8)]
    again = halves.batch(torch.arange(4), 1)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first["mask"], other["mask"]) for other in others)
    assert any(not torch.equal(first["image"], other["image"]) for other in others)


def test_an_epoch_of_views_is_as_long_as_one_of_photos(halves: TeacherViews) -> None:
    assert len(halves) == 4
    assert halves.steps(2) == 2
    assert halves.steps(3) == 1
    assert halves.steps(100) == 1
