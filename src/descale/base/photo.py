"""Read a photo as a person sees it: upright, 8 bits, RGB."""

from __future__ import annotations

import io
import logging
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, ImageOps, TiffImagePlugin, UnidentifiedImageError

from descale.base.content import HEAD, content_of
from descale.base.errors import DataError
from descale.base.png_text import has_exif, readable_png

logger = logging.getLogger(__name__)

MAX_PIXELS = 250_000_000
"""Default limit against decompression bombs; above any camera sold today."""

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp"})
"""File name endings (lower case) that are taken for photos when a folder is listed."""

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
"""What is decoded, whatever a file is called: Pillow would start Ghostscript for PostScript in a ``.jpg``."""
EXIF_ORIENTATION = 274
LYING = 5
"""From this orientation on a picture is stored lying on its side."""
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_BROKEN = (SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)


class _PillowsLimit:
    """Pillow's own bomb limit, a global of the process that some formats ask again when they decode. It is
    lifted while any thread reads a photo; :func:`reading` compares with the limit that was asked for."""

    def __init__(self) -> None:
        self._lock, self._readers = threading.Lock(), 0
        self._limit: int | None = None

    @contextmanager
    def lifted(self) -> Iterator[None]:
        with self._lock:
            if not self._readers:
                self._limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                if not self._readers:
                    Image.MAX_IMAGE_PIXELS = self._limit


_pillows_limit = _PillowsLimit()


def is_hidden(inner: PurePath) -> bool:
    """Whether a path below a folder is hidden: a system's notes about photos are, such as ``._a.jpg``."""
    return any(part.startswith(".") and part != ".." for part in inner.parts)


def read_photo(path: Path | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode a photo.

    Grey is repeated over the channels, 16 bits are scaled to 8 by their full range (never stretched
    to the picture's own), palettes are resolved, transparent parts are laid on white, CMYK is
    converted with the embedded colour profile where there is one. EXIF orientation is applied. Of a
    file with several frames the first is taken.

    Args:
        path: a file, or a binary stream positioned at its start.
        max_pixels: larger pictures are refused before they are decoded.

    Returns:
        uint8 array (H, W, 3), RGB.

    Raises:
        DataError: missing, empty, truncated, not an image, or larger than ``max_pixels``.
    """
    return np.array(open_photo(path, max_pixels=max_pixels), dtype=np.uint8)


def open_photo(path: Path | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Like :func:`read_photo`, as a decoded Pillow image in mode ``RGB`` (4 bytes per pixel, no copy).

    Raises:
        DataError: as :func:`read_photo`.
    """
    name = photo_name(path)
    with reading(path, max_pixels=max_pixels) as image:
        image.load()
        return ImageOps.exif_transpose(as_rgb(image, name))


def photo_size(path: Path | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Height and width of the upright photo, from its header alone.

    Raises:
        DataError: missing, empty, not an image, or larger than ``max_pixels``.
    """
    with reading(path, max_pixels=max_pixels) as image:
        width, height = _stored_size(image)
        turned = orientation_of(image) >= LYING
    return (width, height) if turned else (height, width)


def photo_orientation(path: Path | BinaryIO) -> int:
    """How a photo's file is to be turned to be upright, from its header alone: EXIF 1 to 8, 1 not at all.

    Raises:
        DataError: as :func:`read_photo`.
    """
    with reading(path) as image:
        return orientation_of(image)


def orientation_of(image: Image.Image) -> int:
    """How an opened image is to be turned to be upright: EXIF 1 to 8, 1 where nothing sensible is told."""
    told = 1 if _lacks_exif(image) else image.getexif().get(EXIF_ORIENTATION, 1)
    return told if isinstance(told, int) and 1 <= told <= 8 else 1


def _lacks_exif(image: Image.Image) -> bool:
    """Whether a PNG surely has none: Pillow would decode all of it to look behind the pixels."""
    stream = image.fp if isinstance(image, ImageFile.ImageFile) else None
    return image.format == "PNG" and stream is not None and not has_exif(stream)


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height before EXIF orientation is applied: newer Pillow gives TIFF's size upright."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        return int(tags[TiffImagePlugin.IMAGEWIDTH]), int(tags[TiffImagePlugin.IMAGELENGTH])
    return image.size


@contextmanager
def reading(path: Path | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """Open an image file; whatever goes wrong inside the block becomes a :class:`DataError`.

    Raises:
        DataError: missing, empty, truncated, not an image, or larger than ``max_pixels``.
    """
    name = photo_name(path)
    try:
        with _pillows_limit.lifted(), _open(path) as image:
            pixels = image.width * image.height
            if pixels > max_pixels:
                raise DataError(
                    f"{name}: {image.width} x {image.height} = {pixels / 1e6:.3g} megapixels, more than the "
                    f"limit of {max_pixels / 1e6:g}. If it is what it says it is, make a smaller copy "
                    "of it, or raise the limit (descale predict: --max-megapixels)."
                )
            yield image
    except UnidentifiedImageError as error:
        raise DataError(_unidentified(path, name)) from error
    except FileNotFoundError as error:
        raise DataError(f"{name}: no such file. Check the path.") from error
    except IsADirectoryError as error:
        raise DataError(f"{name}: a folder, not a photo. Name the photos in it.") from error
    except PermissionError as error:
        raise DataError(f"{name}: may not be read. Check its permissions.") from error
    except (*_BROKEN, OSError) as error:
        # Pillow's decoders report broken content by any of these.
        raise DataError(
            f"{name}: broken or truncated ({error}). Copy it again from its source, or leave it out."
        ) from error


def as_rgb(image: Image.Image, name: str) -> Image.Image:
    """Convert a decoded image of any mode to ``RGB``; ``name`` is for messages.

    Raises:
        DataError: floating-point or 32-bit pixels, which have no agreed brightness.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    exif = image.getexif()  # survives conversions only if carried by hand
    if image.mode in _SIXTEEN_BIT or image.mode == "I":
        converted = _from_16_bit(image, name)
    elif image.mode == "F":
        raise DataError(f"{name}: pixels are floating-point numbers. Convert it to 8 or 16 bits.")
    elif image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        converted = Image.new("RGB", image.size, (255, 255, 255))
        converted.paste(layer, mask=layer.getchannel("A"))
    elif image.mode in ("CMYK", "LAB"):
        converted = _from_print(image, name)
    else:
        converted = image.convert("RGB")
    if EXIF_ORIENTATION in exif:
        converted.getexif()[EXIF_ORIENTATION] = exif[EXIF_ORIENTATION]
    return converted


def photo_name(path: Path | BinaryIO) -> str:
    """What to call the source of a photo in a message."""
    if isinstance(path, (str, Path)):
        return str(path)
    return str(getattr(path, "name", "photo from a stream"))


def _open(path: Path | BinaryIO) -> Image.Image:
    image = Image.open(_readable(path), formats=FORMATS)
    if image.format == "TIFF" and image.getexif().get(EXIF_ORIENTATION, 1) >= LYING:
        # Pillow maps some of them into memory with width and height swapped, and every row is shifted;
        # what has no name is read instead
        image.filename = ""
    return image


def _readable(path: Path | BinaryIO) -> Path | BinaryIO:
    """The same, or a copy of what Pillow would refuse though the picture in it is sound."""
    if isinstance(path, (str, Path)):
        with Path(path).open("rb") as stream:
            return readable_png(stream, str(path)) or path
    if not path.seekable():
        return path
    return readable_png(path, photo_name(path)) or path


def _from_16_bit(image: Image.Image, name: str) -> Image.Image:
    values = np.asarray(image)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise DataError(f"{name}: values {low}..{high} do not fit 16 bits. Convert it to 8 or 16 bits.")
    grey = ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _from_print(image: Image.Image, name: str) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            logger.warning("%s: its colour profile cannot be used (%s); colours are approximate", name, error)
        else:
            if converted is not None:
                return converted
    return image.convert("RGB")


def _unidentified(path: Path | BinaryIO, name: str) -> str:
    if isinstance(path, (str, Path)):
        if Path(path).stat().st_size == 0:
            return f"{name}: the file is empty (0 bytes). Copy it again from its source."
        with Path(path).open("rb") as stream:
            content = content_of(stream.read(HEAD))
        if content is not None and content.film:
            return (
                f"{name}: not a photo, its content is {content.name}. Give it that ending, or leave it out."
            )
        if content is not None:
            return (
                f"{name}: its content is {content.name}, broken or of a kind that is not read. Convert it to "
                "JPEG, or copy it again."
            )
    return f"{name}: not an image that can be read (JPEG, PNG, TIFF, BMP, WebP). Convert it, or leave it out."
