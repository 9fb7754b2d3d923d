"""The pictures that the page shows of a photo: small, large, and the mask as a layer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from descale.base.files import replacing_file
from descale.prediction.render import bare, overlaid
from descale.prediction.results_folder import PAGE
from descale.runtime.segmentation import Segmentation

PAGE_SIZE = 1600
"""Longest side of the large pictures unless told otherwise, pixels."""
SMALL_SIZE = 400
"""Longest side of the small ones, pixels."""
_QUALITY = 80
_SOUND = 110  # opacity of classes that are no corrosion, 0..255: below half, so that outlines leave them out


def write_page_pictures(
    paths: Mapping[str, Path], preview: Image.Image, segmentation: Segmentation, longest: int
) -> None:
    """Write the three pictures of a photo; none carries what the photo's header says.

    Args:
        paths: by the keys of :data:`descale.prediction.results_folder.PAGE_PICTURES`.
        preview: the photo, upright.
        segmentation: of the photo.
        longest: longest side of the large picture, pixels; a smaller preview is not enlarged.
    """
    large = _within(preview, longest)
    _write_jpeg(paths[f"{PAGE}/large"], large)
    _write_jpeg(paths[f"{PAGE}/small"], overlaid(_within(large, SMALL_SIZE), segmentation))
    mask = Image.fromarray(segmentation.mask).resize(large.size, Image.Resampling.NEAREST)
    classes = segmentation.classes
    mask.putpalette([value for colour in classes.colours for value in colour])
    opacity = [255 if entry.corrosion else _SOUND for entry in classes.classes]
    with replacing_file(paths[f"{PAGE}/masks"]) as temporary:
        mask.save(temporary, "PNG", transparency=bytes([0, *opacity[1:]]), compress_level=6)


def _within(picture: Image.Image, longest: int) -> Image.Image:
    share = longest / max(picture.size)
    if share >= 1:
        return picture
    size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    return picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _write_jpeg(path: Path, picture: Image.Image) -> None:
    with replacing_file(path) as temporary:
        bare(picture).save(temporary, "JPEG", quality=_QUALITY)
