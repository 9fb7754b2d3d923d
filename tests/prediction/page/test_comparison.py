"""Two jobs of the same structure: what grew, by names, and what else differs."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.prediction.page.test_page import data_of, result_of

import descale
from descale.base.errors import ConfigError, DataError
from descale.prediction.page.comparison import change, read_earlier
from descale.prediction.summary import summarise
from descale.runtime import BINARY, Segmentation


def with_pixels(corroded: int) -> object:
    mask = np.zeros((100, 100), np.uint8)
    mask.reshape(-1)[:corroded] = 1
    return summarise(Segmentation(BINARY, mask, 0.9, (100, 100), "e"), "a", "a.jpg")


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (0, 0, "same"), (300, 309, "same"), (300, 310, "grew"), (310, 300, "shrank"),
        (5, 6, "grew"),  # 0.01 points, but from Ri 1 to Ri 2
        (6, 5, "shrank"), (1, 3, "same"),
    ],
)  # fmt: skip
def test_what_counts_as_growth(before: int, now: int, expected: str) -> None:
    assert change(with_pixels(before), with_pixels(now)) == expected  # type: ignore[arg-type]


def test_a_worse_degree_of_the_metal_is_growth_though_less_of_the_picture_is_corroded() -> None:
    before, now = result_of("a", 0.5), result_of("a", 0.4)
    assert change(before, replace(now, iso_4628_3=before.iso_4628_3)) == "shrank"
    assert change(replace(before, iso_4628_3=4), replace(now, iso_4628_3=5)) == "grew"
    assert change(replace(before, iso_4628_3=5), replace(before, iso_4628_3=4)) == "shrank"


@pytest.fixture
def before(tiny_bundle: Path, photos: Path, tmp_path: Path) -> Path:
    """An earlier job with other shares: a 25 %, b 0 % and c 1 % corroded; and a photo that is gone now."""
    shutil.copy(photos / "a.png", photos / "gone.png")
    descale.predict(tiny_bundle, photos, tmp_path / "before", mm_per_pixel=10)
    (photos / "gone.png").unlink()
    return tmp_path / "before"


def test_what_changed_photo_by_photo(tiny_bundle: Path, photos: Path, before: Path, tmp_path: Path) -> None:
    shutil.copy(photos / "c.png", photos / "new.png")
    shutil.copy(photos / "c.png", photos / "b.png")
    shutil.copy(photos / "c.png", photos / "a.png")
    descale.predict(tiny_bundle, photos, tmp_path / "now", mm_per_pixel=10, compare=before)
    data = data_of((tmp_path / "now" / "index.html").read_text())
    found = {photo["name"]: photo for photo in data["photos"]}
    assert {name: photo["change"] for name, photo in found.items()} == {
        "a": "shrank", "b": "grew", "c": "same", "new": "new",
    }  # fmt: skip
    past = {"address": "a", "width": 200, "height": 100, "percent": 25, "cm2": 5000, "iso": 5, "patches": 1}
    assert found["a"]["before"] == past
    assert found["new"]["before"] is None
    compared = data["compared"]
    assert (compared["both"], compared["grew"], compared["shrank"], compared["same"]) == (3, 1, 1, 1)
    assert (compared["new"], compared["gone"], compared["worse"]) == (1, ["gone"], 1)
    assert compared["percent"] == [pytest.approx(26 / 3), pytest.approx(1)]
    assert compared["cm2"] == [pytest.approx(5200), pytest.approx(600)]
    assert compared["settings"] == []
    assert data["earlier"] == "../before"


def test_what_another_run_left_in_the_earlier_folder_is_not_compared(
    tiny_bundle: Path, photos: Path, before: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    descale.predict(tiny_bundle, photos / "a.png", before, mm_per_pixel=10, overlay_size=0)
    assert set(read_earlier(before).results) == {"a", "b", "c", "gone"}, "what is drawn finds nothing else"
    descale.predict(tiny_bundle, photos / "a.png", before, mm_per_pixel=20)
    assert set(read_earlier(before).results) == {"a"}
    assert "3 photos were last seen there with another bundle or other settings" in caplog.text


def test_a_rerun_that_was_stopped_before_its_first_photo_leaves_what_was_there(
    before: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = json.loads((before / "run.json").read_text())
    (before / "run.json").write_text(json.dumps(run | {"threshold": 0.7}))
    assert len(read_earlier(before).results) == 4
    assert "stopped before its first photo" in caplog.text


def test_accents_may_be_composed_otherwise(tiny_bundle: Path, photos: Path, tmp_path: Path) -> None:
    for folder, name in (("before", "Bru\u0308cke"), ("now", "Br\u00fccke")):
        (tmp_path / f"{folder}-photos").mkdir()
        shutil.copy(photos / "a.png", tmp_path / f"{folder}-photos" / f"{name}.png")
    descale.predict(tiny_bundle, tmp_path / "before-photos", tmp_path / "earlier")
    descale.predict(tiny_bundle, tmp_path / "now-photos", tmp_path / "now", compare=tmp_path / "earlier")
    data = data_of((tmp_path / "now" / "index.html").read_text())
    assert (data["compared"]["both"], data["compared"]["gone"]) == (1, [])
    assert data["photos"][0]["before"]["address"] == "Bru%CC%88cke"


def test_settings_that_differ_are_told(tiny_bundle: Path, photos: Path, before: Path, tmp_path: Path) -> None:
    options = {"compare": before, "overlay_size": 100}
    descale.predict(tiny_bundle, photos, tmp_path / "now", scale=0.5, mm_per_pixel=10, **options)  # type: ignore[arg-type]
    data = data_of((tmp_path / "now" / "index.html").read_text())
    assert data["compared"]["settings"] == ["scale"]
    (before / "run.json").unlink()
    shutil.rmtree(before / "page")
    descale.predict(tiny_bundle, photos, tmp_path / "now", scale=0.5, mm_per_pixel=10, **options)  # type: ignore[arg-type]
    data = data_of((tmp_path / "now" / "index.html").read_text())
    assert data["compared"]["settings"] is None
    assert data["earlier"] is None


def test_records_of_a_cluster_and_broken_ones(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.json").write_text(json.dumps(result_of("a", 0.5).to_json()))
    (tmp_path / "photos" / "b.json").write_text("[1]")
    assert list(read_earlier(tmp_path).results) == ["a"]
    assert "b.json: not a record of this version" in caplog.text


def test_nothing_to_compare_with(tiny_bundle: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(DataError, match=r"no results to compare with .* Give the --out of an earlier run"):
        descale.predict(tiny_bundle, photos, out, compare=photos)
    with pytest.raises(ConfigError, match="is where the results go"):
        descale.predict(tiny_bundle, photos, out, compare=out)
    with pytest.raises(ConfigError, match="shown on the page"):
        descale.predict(tiny_bundle, photos, out, compare=photos, page_size=0)
    assert not out.exists()
