"""Where a photo was taken, from its EXIF header."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, BinaryIO

from PIL import ExifTags, Image

from descale.base.errors import DataError
from descale.base.photo import reading

Position = tuple[float, float]
"""Latitude (north) and longitude (east) in degrees, WGS 84 as cameras write it."""

_GPS = ExifTags.GPS
_PNG_EXIF = {"exif", "Raw profile type exif"}


def position_of(photo: Path | BinaryIO) -> Position | None:
    """The position in a photo's header; ``None`` without one, or where it is none.

    0, 0 is taken for none: cameras and drones write it while they do not know where they are.
    """
    try:
        with reading(photo, max_pixels=1 << 62) as image:
            return read_position(_header(image))
    except DataError:  # reported where the photo itself is read
        return None


def read_position(exif: Image.Exif) -> Position | None:
    """As :func:`position_of`, from a header."""
    tags = exif.get_ifd(ExifTags.IFD.GPSInfo)
    latitude = _degrees(tags.get(_GPS.GPSLatitude), tags.get(_GPS.GPSLatitudeRef), "N", "S", 90)
    longitude = _degrees(tags.get(_GPS.GPSLongitude), tags.get(_GPS.GPSLongitudeRef), "E", "W", 180)
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None
    return latitude, longitude


def _header(image: Image.Image) -> Image.Exif:
    if image.format == "PNG" and not _PNG_EXIF & image.info.keys():
        return Image.Exif()  # Pillow would decode all of it to look behind the pixels
    return image.getexif()


def _degrees(value: Any, reference: Any, positive: str, negative: str, most: int) -> float | None:
    """Degrees from (degrees, minutes, seconds) and a letter; ``None`` if they are no place on Earth."""
    letter = reference.decode("ascii", "replace") if isinstance(reference, bytes) else str(reference)
    sign = {positive: 1.0, negative: -1.0}.get(letter.strip("\0 ").upper()[:1])
    try:
        degrees, minutes, seconds = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    place = degrees + minutes / 60 + seconds / 3600
    if sign is None or not math.isfinite(place) or not 0 <= place <= most:
        return None
    return sign * place
