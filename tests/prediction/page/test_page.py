"""The page of a job: what it says, that names stay text, and what lies beside it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from PIL import Image
from tests.runtime.tiny_networks import FOUR, painted, write_bundle

import descale
from descale.base.errors import ConfigError
from descale.prediction.page.write import render
from descale.prediction.ratings import CAVEAT
from descale.prediction.summary import PhotoResult, summarise
from descale.prediction.tables import TableContent
from descale.runtime import BINARY, ClassTable, PixelClass, Segmentation

HOSTILE = "</script><script>alert(1)</script>\u2028<!--<img src=x onerror=alert(2)>&amp;"


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    value: dict[str, Any] = json.loads(found[1])
    return value


def result_of(name: str, corroded: float, *, size: int = 100, photo: str | None = None) -> PhotoResult:
    """A photo of ``size`` x ``size`` with its upper rows corroded, 1 mm per pixel."""
    mask = np.zeros((size, size), np.uint8)
    mask[: round(size * corroded)] = 1
    seen = Segmentation(BINARY, mask, 0.9, (size, size), "e")
    return summarise(seen, name, photo or f"site/{name}.jpg", mm_per_pixel=1)


def content_of(*results: PhotoResult, classes: ClassTable = BINARY) -> TableContent:
    bundle = {"name": "small bundle", "precision": "int8", "files": {"network.onnx": "ab" * 32}}
    made_by = {
        "descale": "9.8.7", "bundle": bundle, "threshold": 0.35, "engine": "onnxruntime",
        "scale": "as in training", "mm_per_pixel": 1.0,
    }  # fmt: skip
    return TableContent(classes, results, (("bad.jpg", f"bad.jpg: {HOSTILE}"),), made_by, Path("masks"))


def test_totals_weigh_photos_by_their_pixels() -> None:
    frame = result_of("flight@000030", 0.02, photo="flight.mp4#30")
    data = data_of(render(content_of(result_of("a", 0.5), result_of("b", 0, size=300), frame), "job"))
    totals = data["totals"]
    assert (totals["photos"], totals["frames"], totals["videos"], totals["corroded"]) == (3, 1, 1, 2)
    assert totals["corroded_percent"] == pytest.approx(100 * (5000 + 200) / (10000 + 90000 + 10000))
    assert totals["median_percent"] == pytest.approx(2)
    assert totals["corroded_cm2"] == pytest.approx(52)
    assert totals["degrees"] == [1, 0, 0, 0, 1, 1]
    assert totals["patches"] == 2
    assert data["photos"][2]["video"] == {"file": "flight.mp4", "frame": 30}
    assert data["photos"][0]["video"] is None


def test_a_job_of_which_nothing_could_be_read() -> None:
    data = data_of(render(content_of(), "job"))
    totals = data["totals"]
    assert (totals["photos"], totals["corroded_percent"], totals["median_percent"]) == (0, None, None)
    assert totals["corroded_cm2"] is None
    assert (data["photos"], len(data["skipped"])) == ([], 1)


def test_a_photo_with_its_patches_and_grades() -> None:
    mask = np.zeros((50, 50), np.uint8)
    mask[0:10, 0:20] = 2
    mask[30:40, 40:50] = 3
    mask[20, 20] = 1
    result = summarise(Segmentation(FOUR, mask, 0.75, (100, 200), "e"), "a", "a.jpg")
    (photo,) = data_of(render(content_of(result, classes=FOUR), "job"))["photos"]
    assert photo["listed"] == [[0, 0, 80, 20, 1600], [160, 60, 40, 20, 800]]
    assert (photo["pixels"], photo["patches"], photo["iso"], photo["rated_over"]) == (2400, 2, 5, "metal")
    assert photo["percent"] == 12
    assert photo["percent_of_metal"] == pytest.approx(100 * 300 / 301, abs=1e-3)
    assert photo["classes"] == [pytest.approx(87.96), pytest.approx(0.04), 8, 4]
    assert photo["confidence"] == 0.75


def test_the_page_says_what_made_it() -> None:
    data = data_of(render(content_of(result_of("a", 0.5)), "job"))
    made = dict(data["made"])
    assert made["bundle"] == "small bundle, int8"
    assert made["network"] == "network.onnx abababababab (SHA-256)"
    assert (made["threshold"], made["descale"]) == ("0.35", "9.8.7")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", made["this page"])
    assert data["note"] == CAVEAT
    assert data["skipped"] == [{"photo": "bad.jpg", "reason": f"bad.jpg: {HOSTILE}"}]


def test_names_stay_text() -> None:
    classes = ClassTable((PixelClass("no", (0, 0, 0)), PixelClass(HOSTILE, (9, 9, 9), corrosion=True)))
    plain = render(content_of(result_of("a", 0.5)), "job")
    page = render(content_of(result_of(HOSTILE, 0.5), classes=classes), HOSTILE)
    assert "alert(1)</script>" not in page
    assert "<img src=x" not in page
    assert "\u2028" not in page.partition('id="data"')[2]
    for tag in ("<script", "</script", "<!--", "<img"):
        assert page.count(tag) == plain.count(tag)
    data = data_of(page)
    assert data["photos"][0]["name"] == HOSTILE
    assert data["classes"][1]["name"] == HOSTILE
    assert data["title"] == HOSTILE


@pytest.mark.parametrize("mark", ["@@SCRIPT@@", "@@DATA@@", "\\g<1>"])
def test_names_that_look_like_places_of_the_template_change_nothing(mark: str) -> None:
    page = render(content_of(result_of(mark, 0.5)), mark)
    assert data_of(page)["photos"][0]["name"] == mark
    assert f"<title>Corrosion found: {mark.replace('<', '&lt;').replace('>', '&gt;')}</title>" in page


@pytest.mark.parametrize(
    "name", ["deck #3", "50 %", "why?", "a b/ü", "100%25", "javascript:x", os.fsdecode(b"br\xfccke"), "a+b&c"]
)
def test_addresses_lead_to_the_files(name: str) -> None:
    (photo,) = data_of(render(content_of(result_of(name, 0.5)), "job"))["photos"]
    assert unquote_to_bytes(photo["address"]) == os.fsencode(name)
    assert not set(photo["address"]) & set("#?:& ")
    assert photo["name"] == name


def test_nothing_is_fetched_from_elsewhere() -> None:
    page = render(content_of(result_of("a", 0.5)), "job")
    assert not re.findall(r"(?:src|href)=[\"'](?!#)[^\"']+", page)
    assert "https://" not in page
    assert "http://" not in page
    assert "innerHTML" not in page


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "deck").mkdir(parents=True)
    exif = Image.Exif()
    exif[274] = 6  # stored lying, seen upright
    Image.fromarray(painted(100, 200, (0, 0, 100, 50))).save(folder / "a.jpg", quality=95, exif=exif)
    Image.fromarray(painted(100, 200)).save(folder / "deck" / "b #1.png")
    return folder


def test_pictures_lie_where_the_page_looks(tiny_bundle: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = descale.predict(tiny_bundle, photos, out, page_size=100)
    assert report.page == str(out / "index.html")
    data = data_of((out / "index.html").read_text())
    assert [photo["name"] for photo in data["photos"]] == ["a", "deck/b #1"]
    for photo in data["photos"]:
        sizes = set()
        for kind, suffix in data["pictures"].items():
            with Image.open(
                os.fsdecode(unquote_to_bytes(f"{out}/{kind}/{photo['address']}{suffix}"))
            ) as image:
                sizes.add(image.size)
                assert not image.getexif()
        assert sizes == {(50, 100)} if photo["name"] == "a" else {(100, 50)}
    with Image.open(out / "page" / "masks" / "a.png") as image:
        layer = np.asarray(image.convert("RGBA"))
    assert layer[10, 40].tolist() == [*BINARY.colours[1], 255]  # upper right, since the photo was turned
    assert layer[80, 10, 3] == 0
    with Image.open(out / "page" / "large" / "a.jpg") as image:
        red, green, _ = image.getpixel((40, 10))
    assert (red > 150, green < 60) == (True, True)  # the photo itself, without its mask


def test_sound_metal_is_no_part_of_an_outline(tmp_path: Path) -> None:
    Image.fromarray(painted(40, 80, (0, 0, 40, 40))).save(tmp_path / "a.png")
    bundle = write_bundle(tmp_path / "bundle", classes=FOUR)
    descale.predict(bundle, tmp_path / "a.png", tmp_path / "out")
    with Image.open(tmp_path / "out" / "page" / "masks" / "a.png") as image:
        found = {int(value) for value in np.unique(np.asarray(image))}
        opacity = dict(zip(found, (image.info["transparency"][value] for value in found), strict=True))
    assert 0 < opacity[1] < 128  # steel: the filter of outlines takes what is above half
    assert opacity[2] == 255


def test_no_page_where_none_is_wanted(tiny_bundle: Path, photos: Path, tmp_path: Path) -> None:
    report = descale.predict(tiny_bundle, photos, tmp_path / "out", page_size=0)
    assert report.page is None
    assert not (tmp_path / "out" / "page").exists()
    assert not (tmp_path / "out" / "index.html").exists()
    with pytest.raises(ConfigError, match="-1 pixels on the page"):
        descale.predict(tiny_bundle, photos, tmp_path / "out", page_size=-1)


def test_overlays_keep_their_size_beside_a_page(tiny_bundle: Path, tmp_path: Path) -> None:
    Image.fromarray(painted(300, 800)).save(tmp_path / "a.png")
    descale.predict(tiny_bundle, tmp_path / "a.png", tmp_path / "out", overlay_size=200, page_size=800)
    with Image.open(tmp_path / "out" / "overlays" / "a.jpg") as image:
        assert image.size == (200, 75)
    with Image.open(tmp_path / "out" / "page" / "large" / "a.jpg") as image:
        assert image.size == (800, 300)


def test_pictures_of_the_page_are_made_again_and_not_taken_for_photos(
    tiny_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    out = photos / "results"
    descale.predict(tiny_bundle, photos, out)
    for kind in ("large/a.jpg", "small/a.jpg", "masks/a.png"):
        (out / "page" / kind).unlink()
        report = descale.predict(tiny_bundle, photos, out)
        assert (out / "page" / kind).is_file()
        assert (report.reused, len(report.results)) == (1, 2)
    other = descale.predict(tiny_bundle, photos, tmp_path / "elsewhere")
    assert [result.name for result in other.results] == ["a", "deck/b #1"]


def test_records_without_listed_patches_are_read() -> None:
    value = result_of("a", 0.5).to_json()
    assert json.loads(json.dumps(value)) == value
    assert PhotoResult.from_json(value) == result_of("a", 0.5)
    del value["largest_patches"]
    assert PhotoResult.from_json(value).largest_patches == ()
