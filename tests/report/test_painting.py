from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from descale.base.classes import BINARY, IGNORED, ClassTable, PixelClass
from descale.report.painting import compared, data_uri, painted

FOUR = ClassTable(
    (
        PixelClass("good", (0, 0, 0)),
        PixelClass("fair", (128, 0, 0), corrosion=True),
        PixelClass("poor", (0, 128, 0), corrosion=True),
        PixelClass("severe", (128, 128, 0), corrosion=True),
    )
)
PHOTO = np.full((160, 160, 3), 120, dtype=np.uint8)


def test_hits_misses_and_false_alarms_differ_in_greyscale() -> None:
    truth, answer = np.zeros((160, 160), dtype=np.uint8), np.zeros((160, 160), dtype=np.uint8)
    truth[:, 40:120], answer[:, 80:] = 1, 1
    grey = compared(PHOTO, truth, answer).mean(axis=-1)
    nothing, miss, hit, false = (grey[:, start : start + 40] for start in (0, 40, 80, 120))
    assert nothing.std() < 1e-9
    assert hit.std() < 1e-9
    assert abs(hit.mean() - nothing.mean()) > 30
    # Patterns: stripes and dots vary within their area, and dots cover less than stripes.
    assert miss.std() > 5
    assert false.std() > 20
    assert (false > false.mean()).mean() < 0.4
    assert 0.45 < (miss > miss.mean()).mean() < 0.65


def test_classes_have_their_own_colour_and_pattern() -> None:
    mask = np.repeat(np.arange(4, dtype=np.uint8), 40)[None].repeat(160, axis=0)
    picture = painted(PHOTO, mask, FOUR).astype(int)
    grey = picture.mean(axis=-1)
    spread = [grey[:, start : start + 40].std() for start in (0, 40, 80, 120)]
    assert max(spread[0], spread[3]) < 1e-9  # background and the solid class
    assert min(spread[1:3]) > 5
    fair, poor = picture[:, 40:80].mean(axis=(0, 1)), picture[:, 80:120].mean(axis=(0, 1))
    assert fair[0] > fair[1]
    assert poor[1] > poor[0]


def test_nothing_painted_where_nothing_is_said() -> None:
    empty = np.zeros((160, 160), dtype=np.uint8)
    np.testing.assert_array_equal(painted(PHOTO, empty, FOUR).std(), 0)
    assert len(BINARY) == 2


@pytest.mark.parametrize("shape", [(64, 64), (600, 800), (1, 1)])
def test_data_uri_is_a_small_jpeg(shape: tuple[int, int]) -> None:
    uri = data_uri(np.full((*shape, 3), 200, dtype=np.uint8))
    head, _, body = uri.partition(",")
    picture = Image.open(io.BytesIO(base64.b64decode(body)))
    assert head == "data:image/jpeg;base64"
    assert picture.format == "JPEG"
    assert max(picture.size) <= 232


def test_nothing_is_painted_where_the_label_says_nothing() -> None:
    ignored = np.full((160, 160), IGNORED, dtype=np.uint8)
    everything = np.ones_like(ignored)
    np.testing.assert_array_equal(compared(PHOTO, ignored, everything).std(), 0)
