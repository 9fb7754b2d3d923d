"""False alarms by hand: red boxes of known size on green photos, and a network that calls red corrosion."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.runtime.tiny_networks import painted, write_bundle
from torch import Tensor, nn

from descale.base.errors import ConfigError, DataError
from descale.base.fingerprint import content_hash
from descale.evaluation.bootstrap import mean_interval
from descale.evaluation.clean_photos import find_clean_photos
from descale.evaluation.false_alarms import FalseAlarms, in_words
from descale.evaluation.model_scores import evaluate, false_alarms, model_false_alarms
from descale.models import SavedModel, make_spec

SIDE = 64
"""Half a percent of the picture is 20.48 pixels."""


class RedIsCorrosion(nn.Module):
    """Answers from the colour of a pixel, so that the right result is known."""

    def forward(self, images: Tensor) -> Tensor:
        red = images[:, 0] - images[:, 1]
        return torch.stack([-red, red], dim=1)


@pytest.fixture(scope="module")
def red_model() -> SavedModel:
    spec = make_spec("unet", "resnet18", input_size=(SIDE, SIDE))
    spec = replace(spec, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return SavedModel(spec, RedIsCorrosion().eval(), {})


@pytest.fixture(scope="module")
def red_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundle") / "red", input_size=(SIDE, SIDE))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """No red; a box of 20 pixels; one of 21; two of 16 that do not touch."""
    folder = tmp_path / "steel"
    (folder / "deeper").mkdir(parents=True)
    boxes: dict[str, list[tuple[int, int, int, int]]] = {
        "none": [],
        "small": [(0, 0, 5, 4)],
        "deeper/large": [(10, 10, 17, 13)],
        "two": [(0, 0, 4, 4), (40, 40, 44, 44)],
    }
    for name, drawn in boxes.items():
        Image.fromarray(painted(SIDE, SIDE, *drawn)).save(folder / f"{name}.png")
    (folder / "notes.txt").write_text("steel of the year 2026")
    (folder / ".hidden.png").write_bytes(b"broken")
    return folder


def seen(found: FalseAlarms) -> dict[str, tuple[bool, int, int]]:
    """By photo: whether it is a false alarm, pixels of the largest patch and of all."""
    return {
        row["photo"]: (row["alarm"], round(row["largest_patch"] * SIDE**2), round(row["area"] * SIDE**2))
        for row in found.by_photo()
    }


BY_HAND = {
    "none.png": (False, 0, 0),
    "small.png": (False, 20, 20),
    "deeper/large.png": (True, 21, 21),
    "two.png": (False, 16, 32),
}


def test_a_photo_counts_by_its_largest_patch(red_model: SavedModel, photos: Path) -> None:
    found = model_false_alarms(red_model, find_clean_photos(photos))
    assert seen(found) == BY_HAND
    assert found.by_photo()[0]["photo"] == "deeper/large.png"
    assert found.share.estimate == 0.25
    assert found.area.estimate == pytest.approx((20 + 21 + 32) / 4 / SIDE**2)
    assert found.share.low == 0.0
    assert found.share.high > 0.5


def test_a_bundle_is_asked_as_predict_asks_it(red_bundle: Path, photos: Path) -> None:
    assert seen(false_alarms(red_bundle, photos)) == BY_HAND


def test_shares_are_of_the_photo_whatever_its_size(
    red_model: SavedModel, red_bundle: Path, tmp_path: Path
) -> None:
    """A hundredth of a photo of twice the height and three times the width of the network's picture."""
    box = (36, 32, 36 + 19, 32 + 13)
    Image.fromarray(painted(2 * SIDE, 3 * SIDE, box)).save(tmp_path / "a.png")
    clean = find_clean_photos(tmp_path)
    for found in (model_false_alarms(red_model, clean), false_alarms(red_bundle, tmp_path)):
        assert found.areas[0] == pytest.approx(0.01, abs=0.002)
        assert found.largest[0] == found.areas[0]


def test_what_cannot_be_read_is_named_and_counted(
    red_model: SavedModel, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    (photos / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    found = model_false_alarms(red_model, find_clean_photos(photos))
    assert seen(found) == BY_HAND
    assert found.to_json()["unread"] == 2
    assert "broken.jpg: " in caplog.text
    assert "phone.heic: a HEIC or HEIF picture" in caplog.text
    assert "Convert it to JPEG" in caplog.text


def test_a_photo_that_may_not_be_read_costs_no_result(
    red_model: SavedModel, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root every file may be read, so the reading itself is refused."""
    whole = find_clean_photos(photos).fingerprint()

    def refused(path: Path) -> bytes:
        if path.name == "two.png":
            raise DataError(f"{path}: cannot be read (Permission denied)")
        return content_hash(path)

    monkeypatch.setattr("descale.evaluation.clean_photos.content_hash", refused)
    found = model_false_alarms(red_model, find_clean_photos(photos))
    assert found.fingerprint != whole


def test_photos_behind_links_count_once(photos: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "more").symlink_to(photos)
    (linked / "ring").symlink_to(linked)
    (linked / "broken").symlink_to(linked / "broken")
    found = find_clean_photos(linked)
    assert [found.name(photo) for photo in found.photos] == [
        "more/deeper/large.png", "more/none.png", "more/small.png", "more/two.png",
    ]  # fmt: skip


def test_nothing_that_can_be_read_is_an_error(red_model: SavedModel, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"none of 1 photos can be read.*broken\.jpg: the file is empty"):
        model_false_alarms(red_model, find_clean_photos(tmp_path))


def test_folders_that_are_something_else_are_refused(steel: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labelled data set: it holds dataset\.yaml.*--data"):
        find_clean_photos(steel)
    with pytest.raises(DataError, match="labelled data set: it holds masks"):
        find_clean_photos(steel / "test")
    with pytest.raises(DataError, match=r"holds no photo \(.*Check the path"):
        find_clean_photos(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        find_clean_photos(tmp_path / "nowhere")


def test_the_fingerprint_follows_the_content_and_not_the_place(photos: Path) -> None:
    before = find_clean_photos(photos).fingerprint()
    moved = photos.rename(photos.with_name("moved"))
    assert find_clean_photos(moved).fingerprint() == before
    Image.fromarray(painted(SIDE, SIDE)).save(moved / "two.png")
    assert find_clean_photos(moved).fingerprint() != before


def test_the_interval_is_that_of_a_proportion() -> None:
    found = mean_interval(np.repeat([1.0, 0.0], [82, 113]))
    half = 1.96 * math.sqrt(found.estimate * (1 - found.estimate) / 195)
    assert found.low == pytest.approx(found.estimate - half, abs=0.01)
    assert found.high == pytest.approx(found.estimate + half, abs=0.01)


def test_photos_that_all_answer_alike_have_no_interval(red_bundle: Path, photos: Path) -> None:
    (photos / "deeper" / "large.png").unlink()
    found = false_alarms(red_bundle, photos).to_json()
    assert (found["share"]["estimate"], found["share"]["low"], found["share"]["high"]) == (0.0, None, None)
    assert in_words(found).startswith("0.0 % of 3 photos show")


def test_a_bundle_has_no_scores_of_a_split_and_keeps_none(red_bundle: Path, photos: Path) -> None:
    with pytest.raises(ConfigError, match=r"is a bundle.*Name the model folder"):
        evaluate(red_bundle, photos)
    with pytest.raises(ConfigError, match="Keep scores with the model folder"):
        false_alarms(red_bundle, photos, keep_scores=True)
