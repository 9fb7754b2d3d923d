from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from descale.base.errors import DataError
from descale.evaluation import ImageConfusions, confusion_matrix, read_confusions, write_confusions


def example(images: int = 3, classes: int = 2, seed: int = 0) -> ImageConfusions:
    counts = np.random.default_rng(seed).integers(0, 1000, (images, classes, classes))
    return ImageConfusions(
        (os.fsdecode(b"br\xfccke"), *(f"photo, {i}" for i in range(1, images))),
        ("scene", "", "scene")[:images],
        counts,
    )


def test_rows_are_truth_and_columns_prediction() -> None:
    truth, predicted = np.array([[0, 1, 2]], dtype=np.uint8), np.array([[0, 2, 2]], dtype=np.uint8)
    assert confusion_matrix(truth, predicted, 3).tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1]]


def test_ignored_pixels_are_not_counted_whatever_was_predicted() -> None:
    truth = np.array([[0, 255, 1, 255]], dtype=np.uint8)
    predicted = np.array([[1, 0, 1, 1]], dtype=np.uint8)
    assert confusion_matrix(truth, predicted, 2).tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        (np.array([0, 1]), np.array([0]), "shape"),
        (np.array([0, 254]), np.array([0, 1]), "label holds class 254"),
        (np.array([0, 1]), np.array([0, 2]), "prediction holds class 2"),
    ],
)
def test_masks_that_do_not_fit_are_refused(truth: np.ndarray, predicted: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        confusion_matrix(truth, predicted, 2)


def test_file_gives_back_what_was_written(tmp_path: Path) -> None:
    splits = {"valid": example(2), "test": example(3, seed=1)}
    write_confusions(tmp_path / "confusions.csv", splits)
    again = read_confusions(tmp_path / "confusions.csv")
    assert list(again) == ["valid", "test"]
    for name, confusions in splits.items():
        assert again[name].ids == confusions.ids
        assert again[name].groups == confusions.groups
        np.testing.assert_array_equal(again[name].counts, confusions.counts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id,iou\na,0.5\n",
        "split,id,group,true0_predicted0,true0_predicted1,true1_predicted0,true1_predicted1\ntest,a,,1,2\n",
        "split,id,group,true0_predicted0,true0_predicted1,true1_predicted0,true1_predicted1\ntest,a,,1,2,x,4\n",
    ],
    ids=["empty", "other columns", "torn row", "no number"],
)
def test_damaged_file_is_a_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "confusions.csv").write_text(text)
    with pytest.raises(DataError, match=r"confusions\.csv"):
        read_confusions(tmp_path / "confusions.csv")


def test_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Evaluate the model again"):
        read_confusions(tmp_path / "confusions.csv")


def test_splits_of_different_classes_do_not_share_a_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="different numbers of classes"):
        write_confusions(tmp_path / "c.csv", {"valid": example(), "test": example(classes=4)})


def test_ids_groups_and_counts_must_belong_together() -> None:
    with pytest.raises(ValueError, match="do not belong together"):
        ImageConfusions(("a",), ("", ""), np.zeros((1, 2, 2), dtype=np.int64))
