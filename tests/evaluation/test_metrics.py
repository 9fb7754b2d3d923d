from __future__ import annotations

import numpy as np
import pytest
import torch
from segmentation_models_pytorch import metrics as reference

from descale.base.classes import BINARY, ClassTable, PixelClass
from descale.evaluation import (
    METRICS,
    ImageConfusions,
    confusion_matrix,
    imagewise_iou,
    paired_drop,
    score,
    score_interval,
    summarise,
)

FOUR = ClassTable(
    (
        PixelClass("good", (0, 0, 0)),
        PixelClass("fair", (128, 0, 0), corrosion=True),
        PixelClass("poor", (0, 128, 0), corrosion=True),
        PixelClass("severe", (128, 128, 0), corrosion=True),
    )
)


def random_masks(classes: int, images: int = 7) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(classes)
    truth = random.integers(0, classes, (images, 24, 20))
    predicted = np.where(random.random(truth.shape) < 0.6, truth, random.integers(0, classes, truth.shape))
    return truth, predicted


def confusions_of(truth: np.ndarray, predicted: np.ndarray, classes: int) -> ImageConfusions:
    counts = [confusion_matrix(t, p, classes) for t, p in zip(truth, predicted, strict=True)]
    names = tuple(f"photo{i}" for i in range(len(truth)))
    return ImageConfusions(names, ("",) * len(names), np.stack(counts))


@pytest.mark.parametrize("classes", [BINARY, FOUR], ids=["binary", "four classes"])
def test_scores_agree_with_segmentation_models_pytorch(classes: ClassTable) -> None:
    count = len(classes)
    truth, predicted = random_masks(count)
    ours = score(confusions_of(truth, predicted, count), classes)
    stats = reference.get_stats(
        torch.tensor(predicted), torch.tensor(truth), mode="multiclass", num_classes=count
    )
    over_split = [part.sum(dim=0, keepdim=True) for part in stats]
    corrosion = [part[:, list(classes.corrosion_ids)] for part in over_split]
    assert ours.iou_paper == pytest.approx(float(reference.iou_score(*stats, reduction="micro-imagewise")))
    assert ours.iou_mean == pytest.approx(float(reference.iou_score(*over_split, reduction="macro")))
    assert ours.iou_corrosion == pytest.approx(float(reference.iou_score(*corrosion, reduction="macro")))
    assert ours.f1_corrosion == pytest.approx(float(reference.f1_score(*corrosion, reduction="macro")))
    by_class = reference.iou_score(*over_split, reduction="none")[0]
    assert ours.iou_by_class == pytest.approx(by_class.tolist())


def test_union_asks_only_whether_corroded() -> None:
    truth, predicted = random_masks(4)
    ours = score(confusions_of(truth, predicted, 4), FOUR)
    merged = score(confusions_of((truth > 0).astype(int), (predicted > 0).astype(int), 2), BINARY)
    assert ours.iou_corrosion_union == pytest.approx(merged.iou_corrosion)
    assert merged.iou_corrosion_union == merged.iou_corrosion


def test_headline_sums_over_the_split_before_dividing() -> None:
    large, small = [[0, 0], [10, 90]], [[99, 0], [1, 0]]
    ours = score(ImageConfusions(("a", "b"), ("", ""), np.array([large, small])), BINARY)
    assert ours.iou_corrosion == pytest.approx(90 / 101)  # a mean over photos would be 0.45


def test_class_that_occurs_nowhere_is_left_out_of_the_mean() -> None:
    truth = predicted = np.array([[[0, 1], [1, 0]]])
    ours = score(confusions_of(truth, predicted, 4), FOUR)
    assert ours.iou_corrosion == 1
    assert np.isnan(ours.iou_by_class[3])


def test_no_corrosion_anywhere_is_undefined_not_perfect() -> None:
    blank = np.zeros((1, 4, 4), dtype=int)
    ours = score(confusions_of(blank, blank, 2), BINARY)
    assert np.isnan(ours.iou_corrosion)
    assert ours.iou_paper == 1


def test_corrosion_found_where_none_is_labelled_is_no_score_and_no_collapse() -> None:
    clean, stray = np.zeros((2, 4, 4), dtype=int), np.eye(4, dtype=int)[None].repeat(2, axis=0)
    found = summarise(confusions_of(clean, stray, 2), BINARY)
    assert np.isnan(
        [found.scores.iou_corrosion, found.scores.f1_corrosion, found.scores.iou_corrosion_union]
    ).all()
    assert np.isnan([found.intervals["iou_corrosion"].low, found.trivial["iou_corrosion"]]).all()
    assert not found.collapse
    assert not found.defined
    drop = paired_drop([found.confusions], [found.confusions], BINARY)
    assert np.isnan(drop.interval.estimate)
    assert not drop.no_worse
    assert found.scores.iou_paper == pytest.approx(np.mean([12 / 20] * 2))


def test_imagewise_iou_ranks_pictures() -> None:
    counts = np.array([[[5, 0], [0, 5]], [[5, 0], [5, 0]], [[9, 0], [0, 0]]])
    values = imagewise_iou(ImageConfusions(("a", "b", "c"), ("",) * 3, counts), BINARY)
    np.testing.assert_array_equal(values, [1, 0, np.nan])


def test_the_iou_per_photo_is_averaged_over_photos() -> None:
    """By hand: 1/2, 3/4; an empty photo left empty counts 1, one with a false alarm 0."""
    counts = np.array([[[7, 1], [1, 2]], [[6, 0], [1, 3]], [[10, 0], [0, 0]], [[9, 1], [0, 0]]])
    ids = ("a", "b", "c", "d")
    found = score(ImageConfusions(ids, ids, counts), BINARY)
    assert found.iou_image == pytest.approx((1 / 2 + 3 / 4 + 1 + 0) / 4)


def test_wrong_class_table_is_refused() -> None:
    truth, predicted = random_masks(4)
    with pytest.raises(ValueError, match="4 classes, class table of 2"):
        score(confusions_of(truth, predicted, 4), BINARY)


@pytest.mark.parametrize("name", METRICS)
def test_perfect_prediction_scores_one(name: str) -> None:
    truth, _ = random_masks(4)
    assert METRICS[name].of(confusions_of(truth, truth, 4), FOUR) == 1


@pytest.mark.parametrize("metric", ["iou_corrosion", "f1_corrosion", "iou_mean"])
def test_a_stray_pixel_of_a_class_that_is_nowhere_labelled_is_no_drop(metric: str) -> None:
    truth, predicted = random_masks(3)
    clean = score(confusions_of(truth, predicted, 4), FOUR)
    strayed = predicted.copy()
    strayed[tuple(np.argwhere(truth == 0)[0])] = 3
    found = score(confusions_of(truth, strayed, 4), FOUR)
    assert getattr(found, metric) == pytest.approx(getattr(clean, metric), abs=0.001)
    assert found.iou_by_class[3] == 0


@pytest.mark.parametrize("name", METRICS)
def test_an_image_that_is_ignored_whole_counts_nowhere(name: str) -> None:
    truth, predicted = random_masks(4)
    run = confusions_of(truth, predicted, 4)
    counts = np.concatenate([run.counts, np.zeros_like(run.counts[:1])])
    beside = ImageConfusions((*run.ids, "ignored"), (*run.groups, ""), counts)
    assert METRICS[name].of(beside, FOUR) == METRICS[name].of(run, FOUR)
    one = score_interval([beside], FOUR, name)
    assert one.low < METRICS[name].of(run, FOUR) < one.high < 1
    nothing = ImageConfusions(("a", "b"), ("", ""), np.zeros((2, 4, 4), np.int64))
    assert np.isnan(METRICS[name].of(nothing, FOUR))
    assert np.isnan(score_interval([nothing], FOUR, name).estimate)
