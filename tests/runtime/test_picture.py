"""Regions of a picture are those of the photo as a person sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from descale.base.errors import ConfigError, DataError
from descale.base.photo import read_photo
from descale.runtime.opening import decoded_pixels, open_picture

NOISE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_regions_of_turned_photos(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(NOISE).save(tmp_path / "p.png", exif=exif)
    upright = read_photo(tmp_path / "p.png")
    picture = open_picture(tmp_path / "p.png")
    assert (picture.height, picture.width) == picture.frame == upright.shape[:2]
    np.testing.assert_array_equal(picture.region(3, 20, 5, 31), upright[3:20, 5:31])
    np.testing.assert_array_equal(np.asarray(picture.preview(1000)), upright)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1", "LA", "I;16"])
def test_other_modes_are_read_as_photos_are(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(NOISE).convert(mode)
    path = tmp_path / ("p.tif" if mode == "CMYK" else "p.png")
    image.save(path)
    picture = open_picture(path)
    np.testing.assert_array_equal(picture.region(0, 37, 0, 53), read_photo(path))


def test_file_of_several_frames(tmp_path: Path) -> None:
    first = Image.fromarray(NOISE)
    first.save(tmp_path / "p.tif", save_all=True, append_images=[Image.fromarray(255 - NOISE)])
    np.testing.assert_array_equal(open_picture(tmp_path / "p.tif").region(0, 37, 0, 53), NOISE)


@pytest.mark.parametrize("scale", [0.5, 0.3, 0.1, 0.001])
def test_scale_keeps_the_frame(tmp_path: Path, scale: float) -> None:
    smooth = np.asarray(Image.fromarray(NOISE).resize((640, 400), Image.Resampling.BICUBIC))
    Image.fromarray(smooth).save(tmp_path / "p.jpg", quality=95)
    for source in (tmp_path / "p.jpg", smooth):
        picture = open_picture(source, scale=scale)
        assert picture.frame == (400, 640)
        assert (picture.height, picture.width) == (max(1, round(400 * scale)), max(1, round(640 * scale)))
        small = picture.region(0, picture.height, 0, picture.width)
        assert abs(small.mean() - smooth.mean()) < 8


def test_preview_is_near_the_size_asked_for() -> None:
    preview = open_picture(np.zeros((300, 1000, 3), np.uint8)).preview(250)
    assert preview.size == (250, 75)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_preview_keeps_the_detail_that_the_working_scale_has_not(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    smooth = Image.fromarray(NOISE).resize((640, 400), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[274] = orientation
    smooth.save(tmp_path / f"p.{suffix}", exif=exif)
    picture = open_picture(tmp_path / f"p.{suffix}", scale=0.1, detail=320)
    frame = (400, 640) if orientation == 1 else (640, 400)
    assert picture.frame == frame
    assert (picture.height, picture.width) == (frame[0] // 10, frame[1] // 10)
    assert picture.preview(320).size == (frame[1] // 2, frame[0] // 2)
    as_array = open_picture(
        np.asarray(smooth), scale=lambda pixels: 0.1 if pixels == 256_000 else 1, detail=320
    )
    assert (as_array.height, as_array.width) == (40, 64)
    assert as_array.preview(320).size == (320, 200)


def test_a_tiff_that_is_turned_by_xmp_alone_keeps_its_shape(tmp_path: Path) -> None:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><d tiff:Orientation="6"/></x:xmpmeta>'
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[700] = packet
    tags.tagtype[700] = 1
    Image.fromarray(NOISE).save(tmp_path / "p.tif", tiffinfo=tags)
    picture = open_picture(tmp_path / "p.tif", scale=0.5)
    assert picture.frame == (53, 37), "stored 37 high and 53 wide"
    assert picture.preview(53).size[0] < picture.preview(53).size[1]


def test_a_jpeg_with_a_second_picture_counts_as_large_as_it_is_decoded(tmp_path: Path) -> None:
    first = Image.new("RGB", (400, 320))
    first.save(tmp_path / "p.jpg", format="MPO", save_all=True, append_images=[Image.new("RGB", (40, 32))])
    assert decoded_pixels(tmp_path / "p.jpg", scale=0.5, detail=0, max_pixels=10**6) == 200 * 160


@pytest.mark.parametrize(
    ("scale", "detail", "share"), [(0.6, 0, 1), (0.5, 0, 2), (0.2, 0, 4), (0.2, 200, 2), (1.0, 0, 1)]
)
def test_a_jpeg_counts_as_large_as_it_is_decoded(
    tmp_path: Path, scale: float, detail: int, share: int
) -> None:
    path = tmp_path / "p.jpg"
    Image.new("RGB", (400, 320)).save(path)
    pixels = decoded_pixels(path, scale=scale, detail=detail, max_pixels=10**6)
    assert pixels == 400 * 320 // share**2


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_wrong_arrays(array: np.ndarray) -> None:
    with pytest.raises(DataError, match="takes uint8 of shape"):
        open_picture(array)


@pytest.mark.parametrize("scale", [0.0, -1.0, 1.5, float("nan")])
def test_wrong_scale(scale: float) -> None:
    with pytest.raises(ConfigError, match="scale"):
        open_picture(NOISE, scale=scale)
