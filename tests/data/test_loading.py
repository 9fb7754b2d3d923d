"""Splits are decoded once, into memory or, where that is too small, into a file."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from descale.base.errors import DataError
from descale.data import load_dataset
from descale.data.loading import load_split

SIZE = (16, 24)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_pictures_are_the_same_in_a_file_and_in_memory(
    steel: Path, scratch: Path, caplog: pytest.LogCaptureFixture
) -> None:
    samples = load_dataset(steel).split("train")
    inside = load_split(samples, SIZE)
    assert not caplog.records
    with caplog.at_level("INFO"):
        outside = load_split(samples, SIZE, max_gigabytes=1e-6)
    assert "a file in" in caplog.text
    assert torch.equal(inside.images, outside.images)
    assert torch.equal(inside.masks, outside.masks)
    assert inside.images.shape == (14, 3, *SIZE)
    assert list(scratch.iterdir()) == [], "nothing is left, not even while it is used"
    numbers = torch.tensor([3, 0])
    assert torch.equal(inside.images[numbers], outside.images[numbers])


def test_labels_are_those_of_the_nearest_pixel(steel: Path) -> None:
    sample = load_dataset(steel).split("train")[0]
    found = load_split([sample], (16, 16)).masks[0].numpy()
    np.testing.assert_array_equal(found, sample.read_mask()[1::2, 1::2])


def test_a_full_disk_is_an_error_with_the_remedy(
    steel: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(scratch)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match=r"no room for .*Set TMPDIR"):
        load_split(load_dataset(steel).split("train"), SIZE, max_gigabytes=1e-6)
    assert list(scratch.iterdir()) == []


def test_no_photo_is_an_error() -> None:
    with pytest.raises(DataError, match="no photos"):
        load_split([], SIZE)
