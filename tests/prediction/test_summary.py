"""Figures of a photo against counts by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.runtime.tiny_networks import FOUR

from descale.prediction.summary import PhotoResult, summarise
from descale.runtime import BINARY, Segmentation


def test_two_classes_rate_the_picture() -> None:
    mask = np.zeros((100, 100), np.uint8)
    mask[:10, :10] = 1
    mask[50:52, 50:60] = 1
    result = summarise(Segmentation(BINARY, mask, 0.9, (100, 100), "e"), "n", "p", mm_per_pixel=2)
    assert (result.patches, result.patch_largest_px, result.patch_mean_px) == (2, 100, 60)
    assert result.corroded_percent == pytest.approx(1.2)
    assert (result.metal_percent, result.corroded_percent_of_metal) == (None, None)
    assert (result.iso_4628_3, result.astm_d610, result.rated_over) == (4, 5, "picture")
    assert result.corroded_cm2 == pytest.approx(120 * 0.04)  # a pixel of 2 mm x 2 mm is 0.04 cm2
    assert result.patch_largest_cm2 == pytest.approx(4)
    assert result.class_percent == pytest.approx({"background": 98.8, "corrosion": 1.2})


def test_metal_is_what_is_rated_where_it_is_known() -> None:
    mask = np.zeros((10, 100), np.uint8)
    mask[:, 50:] = 1
    mask[0, 50:55] = 2
    mask[1, 50:55] = 3
    result = summarise(Segmentation(FOUR, mask, 0.9, (10, 100), "e"), "n", "p")
    assert result.metal_percent == pytest.approx(50)
    assert result.corroded_percent == pytest.approx(1)
    assert result.corroded_percent_of_metal == pytest.approx(2)
    assert (result.rated_over, result.patches, result.corroded_cm2) == ("metal", 1, None)


def test_no_metal_in_sight() -> None:
    result = summarise(Segmentation(FOUR, np.zeros((4, 4), np.uint8), 0.9, (4, 4), "e"), "n", "p")
    assert (result.metal_percent, result.corroded_percent_of_metal, result.rated_over) == (0, None, "picture")
    assert (result.iso_4628_3, result.astm_d610, result.patches, result.patch_median_px) == (0, 10, 0, 0)


def test_areas_are_in_pixels_of_the_photo_at_any_scale() -> None:
    mask = np.zeros((50, 50), np.uint8)
    mask[:5, :5] = 1
    result = summarise(Segmentation(BINARY, mask, 0.9, (200, 200), "e"), "n", "p", mm_per_pixel=1)
    assert (result.width, result.height, result.patch_largest_px) == (200, 200, 25 * 16)
    assert result.corroded_cm2 == pytest.approx(4)


def test_result_survives_json() -> None:
    mask = np.eye(5, dtype=np.uint8)
    result = summarise(Segmentation(BINARY, mask, 0.9, (5, 5), "e"), "n", "p")
    assert PhotoResult.from_json(json.loads(json.dumps(result.to_json()))) == result
