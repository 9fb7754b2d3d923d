"""Photos come out as a person sees them, or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from descale.base.errors import DataError
from descale.base.photo import EXIF_ORIENTATION, PHOTO_SUFFIXES, open_photo, photo_size, read_photo
from descale.runtime.opening import open_picture

RED, GREEN = (220, 40, 30), (30, 160, 60)


def two_halves(width: int = 48, height: int = 32) -> Image.Image:
    """Red on the left, green on the right."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(GREEN, (width // 2, 0, width, height))
    return picture


def near(pixel: np.ndarray, colour: tuple[int, int, int], tolerance: int = 12) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= tolerance)


@pytest.mark.parametrize("suffix", ["jpg", "jfif", "png", "tif", "bmp", "webp"])
def test_every_common_format_gives_the_same_picture(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    assert path.suffix in PHOTO_SUFFIXES
    two_halves().save(path)
    photo = read_photo(path)
    assert photo.shape == (32, 48, 3)
    assert photo.dtype == np.uint8
    assert near(photo[16, 5], RED)
    assert near(photo[16, 40], GREEN)


@pytest.mark.parametrize(
    ("orientation", "top_left", "shape"),
    [
        (1, RED, (32, 48)),
        (2, GREEN, (32, 48)),
        (3, GREEN, (32, 48)),
        (6, RED, (48, 32)),
        (8, GREEN, (48, 32)),
    ],
)
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_exif_orientation_is_honoured(
    tmp_path: Path, suffix: str, orientation: int, top_left: tuple[int, int, int], shape: tuple[int, int]
) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[274] = orientation
    two_halves().save(path, exif=exif)
    photo = read_photo(path)
    assert photo.shape[:2] == shape == photo_size(path)
    assert near(photo[2, 2], top_left)


def test_orientation_survives_the_conversion_from_grey(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    two_halves().convert("L").save(tmp_path / "a.jpg", exif=exif)
    assert read_photo(tmp_path / "a.jpg").shape == (48, 32, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["tif", "jpg"])
def test_the_size_in_the_header_is_that_of_the_photo(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / f"a.{suffix}"
    two_halves().save(path, exif=exif)
    upright = (48, 32) if orientation > 4 else (32, 48)
    assert photo_size(path) == read_photo(path).shape[:2] == upright
    picture = open_picture(path, scale=0.5)
    assert (picture.height, picture.width) == (upright[0] // 2, upright[1] // 2)


def test_sixteen_bits_are_scaled_by_their_full_range(tmp_path: Path) -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    for name in ("a.png", "a.tif"):
        Image.fromarray(values).save(tmp_path / name)
        assert read_photo(tmp_path / name)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_grey_and_one_bit_are_repeated_over_the_channels(tmp_path: Path) -> None:
    Image.new("L", (4, 4), 77).save(tmp_path / "grey.png")
    Image.new("1", (4, 4), 1).save(tmp_path / "bit.png")
    assert (read_photo(tmp_path / "grey.png") == 77).all()
    assert (read_photo(tmp_path / "bit.png") == 255).all()


def test_palette_is_resolved(tmp_path: Path) -> None:
    two_halves().quantize(4).save(tmp_path / "a.png")
    assert near(read_photo(tmp_path / "a.png")[0, 0], RED, 3)


def test_transparent_parts_lie_on_white(tmp_path: Path) -> None:
    picture = two_halves().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 10, 10))
    picture.save(tmp_path / "a.png")
    photo = read_photo(tmp_path / "a.png")
    assert photo[5, 5].tolist() == [255, 255, 255]
    assert near(photo[20, 5], RED, 1)


def test_a_transparent_palette_colour_lies_on_white(tmp_path: Path) -> None:
    picture = two_halves().quantize(2)
    picture.save(tmp_path / "a.png", transparency=picture.getpixel((0, 0)))
    assert read_photo(tmp_path / "a.png")[0, 0].tolist() == [255, 255, 255]


def test_cmyk_looks_like_the_picture_it_was_made_from(tmp_path: Path) -> None:
    two_halves().convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    photo = read_photo(tmp_path / "a.jpg")
    assert near(photo[16, 5], RED)
    assert near(photo[16, 40], GREEN)


def test_a_broken_colour_profile_is_reported_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    two_halves().convert("CMYK").save(tmp_path / "a.jpg", quality=95, icc_profile=b"not a profile")
    assert near(read_photo(tmp_path / "a.jpg")[16, 5], RED)
    assert "colour profile" in caplog.text


def test_a_profile_of_another_colour_space_does_not_stop_the_reading(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    two_halves().convert("CMYK").save(tmp_path / "a.jpg", quality=95, icc_profile=profile)
    assert near(read_photo(tmp_path / "a.jpg")[16, 5], RED)


def test_a_stream_is_as_good_as_a_file() -> None:
    stream = io.BytesIO()
    two_halves().save(stream, "PNG")
    stream.seek(0)
    assert read_photo(stream).shape == (32, 48, 3)


def test_one_pixel_is_a_photo(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), RED).save(tmp_path / "a.png")
    assert read_photo(tmp_path / "a.png").tolist() == [[list(RED)]]


def test_the_result_may_be_written_to(tmp_path: Path) -> None:
    two_halves().save(tmp_path / "a.png")
    read_photo(tmp_path / "a.png")[0, 0] = 0


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_truncated(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"a\.{suffix}: .*(truncated|not an image)"):
        read_photo(path)


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_truncated_exif_is_a_broken_photo_not_a_crash(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    Image.new("RGB", (8, 8)).save(path, exif=b"Exif\0\0II*\0")
    with pytest.raises(DataError, match="broken or truncated"):
        photo_size(path)


def test_no_program_is_started_for_what_only_claims_to_be_a_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow would hand PostScript to Ghostscript, whatever the file is called."""
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n{} loop\n"
    (tmp_path / "a.jpg").write_bytes(script)
    monkeypatch.setattr("subprocess.check_call", lambda *_, **__: pytest.fail("a program was started"))
    for source in (tmp_path / "a.jpg", io.BytesIO(script)):
        with pytest.raises(DataError, match=r"not an image|its content is"):
            read_photo(source)


def test_empty_and_other_files(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("hello")
    with pytest.raises(DataError, match="empty"):
        read_photo(tmp_path / "empty.jpg")
    with pytest.raises(DataError, match="not an image"):
        read_photo(tmp_path / "text.jpg")
    with pytest.raises(DataError, match="no such file"):
        read_photo(tmp_path / "missing.jpg")
    with pytest.raises(DataError, match="a folder"):
        read_photo(tmp_path)
    with pytest.raises(DataError, match="not an image"):
        read_photo(io.BytesIO(b"hello"))


def test_a_bomb_is_refused_before_it_is_decoded_and_can_be_allowed(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (1000, 1000)).save(path)
    with pytest.raises(
        DataError, match=r"1000 x 1000 = 1 megapixels, more than the limit of 0\.9\. .*--max-m"
    ):
        read_photo(path, max_pixels=900_000)
    assert open_photo(path, max_pixels=1_000_000).size == (1000, 1000)


def test_a_photo_of_100_megapixels_is_read_without_a_warning(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    Image.new("1", (12_500, 8_000)).save(tmp_path / "large.png")
    assert photo_size(tmp_path / "large.png") == (8_000, 12_500)
    assert not recwarn.list


def test_a_format_that_asks_the_librarys_limit_again_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (60, 40)).save(tmp_path / "a.tif", compression="tiff_lzw")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_photo(tmp_path / "a.tif").shape == (40, 60, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_the_library_limit_of_others_is_left_alone(tmp_path: Path) -> None:
    two_halves().save(tmp_path / "a.png")
    before = Image.MAX_IMAGE_PIXELS
    read_photo(tmp_path / "a.png")
    assert before == Image.MAX_IMAGE_PIXELS


def test_floating_point_is_refused(tmp_path: Path) -> None:
    Image.new("F", (4, 4), 0.5).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match="floating-point"):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize("mode", ["L", "P", "I;16", "RGB"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_tiff_on_its_side_is_read_whole(tmp_path: Path, mode: str, orientation: int) -> None:
    rows, columns = np.mgrid[0:40, 0:60]
    grey = (rows * 4 + columns).astype(np.uint8)
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    (image if mode in ("L", "I;16") else image.convert(mode)).save(tmp_path / "a.tif", exif=exif)
    turned = np.rot90(grey, {1: 0, 3: 2, 6: 3, 8: 1}[orientation])
    found = read_photo(tmp_path / "a.tif")
    assert found.shape == (*turned.shape, 3)
    assert np.abs(found.astype(int) - turned[:, :, None]).max() <= (8 if mode == "P" else 1)
