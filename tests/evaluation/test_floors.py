from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from descale.base.classes import BINARY, ClassTable, PixelClass
from descale.evaluation import (
    ImageConfusions,
    class_iou,
    confusion_matrix,
    find_collapse,
    fit_colour_threshold,
    trivial_scores,
)
from descale.evaluation.floors import HUE_BINS, SATURATION_BINS, VALUE_BINS, hsv_bins

THREE = ClassTable(
    (
        PixelClass("sound", (0, 0, 0)),
        PixelClass("light", (128, 0, 0), corrosion=True),
        PixelClass("heavy", (0, 128, 0), corrosion=True),
    )
)


def one_image(counts: list[list[int]]) -> ImageConfusions:
    return ImageConfusions(("a",), ("",), np.array([counts]))


def test_trivial_floor_is_the_best_constant_answer_of_each_metric() -> None:
    floors = trivial_scores(one_image([[50, 40], [1, 9]]), BINARY)
    assert floors["iou_corrosion"] == pytest.approx(0.10)  # everything corroded
    assert floors["f1_corrosion"] == pytest.approx(2 * 10 / 110)
    assert floors["iou_paper"] == pytest.approx(90 / 110)  # everything background
    assert floors["iou_mean"] == pytest.approx(0.45)


def test_trivial_floor_does_not_depend_on_the_prediction() -> None:
    assert trivial_scores(one_image([[50, 40], [1, 9]]), BINARY) == trivial_scores(
        one_image([[90, 0], [0, 10]]), BINARY
    )


def test_trivial_floor_without_corrosion_is_not_defined() -> None:
    assert np.isnan(trivial_scores(one_image([[10, 0], [0, 0]]), BINARY)["iou_corrosion"])


@pytest.mark.parametrize(
    ("counts", "reasons"),
    [
        ([[90, 0], [2, 8]], 0),
        ([[100, 0], [10, 0]], 2),  # blind: below the floor, and corrosion never predicted
        ([[0, 90], [0, 10]], 2),  # everything corroded: at the floor, and background never predicted
        ([[10, 80], [1, 9]], 1),  # both predicted, and yet no better than the floor
    ],
)
def test_collapse(counts: list[list[int]], reasons: int) -> None:
    found = find_collapse(one_image(counts), BINARY)
    assert len(found.reasons) == reasons
    assert bool(found) == bool(reasons)


def test_collapse_when_one_of_several_corrosion_classes_is_never_predicted() -> None:
    found = find_collapse(one_image([[90, 0, 0], [0, 9, 0], [0, 5, 0]]), THREE)
    assert found.reasons == ("never predicts heavy",)


def test_absent_class_need_not_be_predicted() -> None:
    assert not find_collapse(one_image([[90, 0, 0], [0, 9, 0], [0, 0, 0]]), THREE)


def test_hsv_bins_agree_with_colorsys() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (500, 3), dtype=np.uint8)
    hue, saturation, value = hsv_bins(pixels)
    for i, (r, g, b) in enumerate(pixels.tolist()):
        h, s, v = colorsys.rgb_to_hsv(r / 256, g / 256, b / 256)
        # A colour on the border of two bins may fall on either side by rounding.
        assert abs(hue[i] - h * HUE_BINS) <= 1.0001
        assert abs(saturation[i] + 0.5 - s * SATURATION_BINS) <= 0.5001
        assert abs(value[i] + 0.5 - v * VALUE_BINS) <= 0.5001


def painted(seed: int, rust: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[10:30, 5:50] = 1
    image = random.integers(90, 110, (64, 64, 3)).astype(np.uint8)
    image[mask == 1] = rust
    return image, mask


@pytest.mark.parametrize("rust", [(170, 80, 30), (150, 20, 35)], ids=["orange", "hue wraps around red"])
def test_colour_threshold_finds_a_colour_that_tells_everything(rust: tuple[int, int, int]) -> None:
    pairs = [painted(seed, rust) for seed in range(3)]
    threshold = fit_colour_threshold(pairs, BINARY)
    for image, mask in pairs:
        np.testing.assert_array_equal(threshold.predict(image), mask)


def test_colour_threshold_is_the_best_box_of_all() -> None:
    random = np.random.default_rng(3)
    image = random.integers(0, 256, (48, 48, 3)).astype(np.uint8)
    corroded = (image[..., 0] > image[..., 2]) & (random.random((48, 48)) < 0.7)
    mask = corroded.astype(np.uint8)
    threshold = fit_colour_threshold([(image, mask)], BINARY)
    best = class_iou(confusion_matrix(mask, threshold.predict(image), 2))[1]
    for _ in range(300):
        darkest = int(random.integers(0, VALUE_BINS))
        other = type(threshold)(
            hue_first=int(random.integers(0, HUE_BINS)),
            hue_width=int(random.integers(1, HUE_BINS + 1)),
            saturation=int(random.integers(0, SATURATION_BINS)),
            value=(darkest, int(random.integers(darkest + 1, VALUE_BINS + 1))),
            answer=1,
        )
        assert class_iou(confusion_matrix(mask, other.predict(image), 2))[1] <= best


def test_colour_threshold_answers_with_the_commonest_corrosion_class() -> None:
    image, mask = painted(0, (170, 80, 30))
    mask = mask * 2
    mask[10, 5:10] = 1
    assert fit_colour_threshold([(image, mask)], THREE).answer == 2


def test_colour_threshold_needs_an_image() -> None:
    with pytest.raises(ValueError, match="at least one training image"):
        fit_colour_threshold([], BINARY)


def test_colour_threshold_on_real_photos(shared_data: Path) -> None:
    def pairs(split: str, every: int) -> list[tuple[np.ndarray, np.ndarray]]:
        photos = sorted((shared_data / "rust-photos" / split / "images").iterdir())[::every]
        found = []
        for photo in photos:
            label = photo.parents[1] / "masks" / f"{photo.stem}.png"
            image = Image.open(photo).convert("RGB").reduce(4)
            found.append(
                (
                    np.asarray(image),
                    np.asarray(Image.open(label).resize(image.size, Image.Resampling.NEAREST)) // 255,
                )
            )
        return found

    threshold = fit_colour_threshold(pairs("train", 4), BINARY)
    total = sum(confusion_matrix(mask, threshold.predict(image), 2) for image, mask in pairs("test", 2))
    assert 0.33 < class_iou(np.asarray(total))[1] < 0.5
