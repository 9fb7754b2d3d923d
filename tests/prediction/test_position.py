"""Where photos were taken: in the tables and on a map, never on the page or in a picture unless asked for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational
from tests.runtime.tiny_networks import painted

import descale
from descale.prediction.position import position_of

GPS = ExifTags.GPS
COLOGNE = {
    GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (50.0, 56.0, 29.25),
    GPS.GPSLongitudeRef: "E", GPS.GPSLongitude: (6.0, 57.0, 55.44),
}  # fmt: skip
LATITUDE, LONGITUDE = 50.941458, 6.965400


def photo_at(path: Path, tags: Mapping[int, Any]) -> Path:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(tags)
    Image.fromarray(painted(40, 60, (0, 0, 30, 40))).save(path, exif=exif)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_position_is_read(tmp_path: Path, suffix: str) -> None:
    path = photo_at(tmp_path / f"a.{suffix}", COLOGNE)
    assert position_of(path) == (pytest.approx(LATITUDE, abs=1e-6), pytest.approx(LONGITUDE, abs=1e-6))
    assert position_of(io.BytesIO(path.read_bytes())) == position_of(path)


def test_south_and_west_are_negative(tmp_path: Path) -> None:
    there = COLOGNE | {GPS.GPSLatitudeRef: "S", GPS.GPSLongitudeRef: "W"}
    found = position_of(photo_at(tmp_path / "a.jpg", there))
    assert found == (pytest.approx(-LATITUDE, abs=1e-6), pytest.approx(-LONGITUDE, abs=1e-6))


@pytest.mark.parametrize(
    "wrong",
    [
        {GPS.GPSLatitude: (91.0, 0.0, 0.0)},
        {GPS.GPSLatitude: (IFDRational(0, 0), 0.0, 0.0)},
        {GPS.GPSLatitudeRef: "?"},
        {GPS.GPSLatitude: (0.0, 0.0, 0.0), GPS.GPSLongitude: (0.0, 0.0, 0.0)},  # no fix yet
    ],
)
def test_what_is_no_place_is_none(tmp_path: Path, wrong: dict[int, Any]) -> None:
    assert position_of(photo_at(tmp_path / "a.jpg", COLOGNE | wrong)) is None


def test_photos_without_a_position(tmp_path: Path) -> None:
    Image.fromarray(painted(4, 4)).save(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(b"broken")
    assert [position_of(tmp_path / name) for name in ("a.jpg", "b.jpg", "c.jpg")] == [None] * 3


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    photo_at(folder / "a.jpg", COLOGNE)
    Image.fromarray(painted(40, 60)).save(folder / "b.jpg")
    return folder


def test_tables_and_map_tell_where(tiny_bundle: Path, site: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = descale.predict(tiny_bundle, site, out)
    assert report.tables == (str(out / "predictions.csv"), str(out / "photos.geojson"))
    first, second = csv.DictReader((out / "predictions.csv").read_text().splitlines())
    assert (float(first["latitude"]), float(first["longitude"])) == (LATITUDE, LONGITUDE)
    assert (second["latitude"], second["longitude"]) == ("", "")
    places = json.loads((out / "photos.geojson").read_text())
    assert places["type"] == "FeatureCollection"
    (feature,) = places["features"]
    assert feature["geometry"]["type"] == "Point"
    assert feature["geometry"]["coordinates"] == pytest.approx([LONGITUDE, LATITUDE], abs=1e-6)
    assert feature["properties"]["name"] == "a"
    assert feature["properties"]["corroded_percent"] == 50
    again = descale.predict(tiny_bundle, site, out)
    assert again.reused == 2
    assert json.loads((out / "photos.geojson").read_text()) == places


def test_the_page_and_pictures_do_not(tiny_bundle: Path, site: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    descale.predict(tiny_bundle, site, out)
    page = (out / "index.html").read_text()
    for part in ("50.94", "6.965", '"position":', '"latitude":'):
        assert part not in page
    pictures = [path for path in out.rglob("*") if path.suffix in (".jpg", ".png")]
    assert len(pictures) == 2 * 6
    for path in pictures:
        with Image.open(path) as image:
            assert not image.getexif()
    descale.predict(tiny_bundle, site, out, positions_on_page=True)
    assert '"position":[50.94145' in (out / "index.html").read_text()


def test_pictures_carry_no_comments_and_no_xmp(tiny_bundle: Path, tmp_path: Path) -> None:
    """Drones write where they are into XMP too; Pillow hands a comment on from a picture to its copies."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><d GpsLatitude="50.941458"/></x:xmpmeta>'
    photo = Image.fromarray(painted(40, 60))
    photo.save(tmp_path / "a.jpg", comment=b"taken at 50.941458", xmp=xmp)
    assert (tmp_path / "a.jpg").read_bytes().count(b"50.941458") == 2
    descale.predict(tiny_bundle, tmp_path / "a.jpg", tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or b"50.941458" not in path.read_bytes(), path


def test_without_positions_there_is_no_map(tiny_bundle: Path, site: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    descale.predict(tiny_bundle, site, out)
    (site / "a.jpg").unlink()
    report = descale.predict(tiny_bundle, site, out)
    assert report.tables == (str(out / "predictions.csv"),)
    assert not (out / "photos.geojson").exists()
