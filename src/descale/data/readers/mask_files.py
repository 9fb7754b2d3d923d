"""What id masks and colour masks have in common: one picture per photo, same name, same size."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from descale.base.content import HEAD, content_of
from descale.base.errors import DataError
from descale.base.photo import PHOTO_SUFFIXES, reading
from descale.data.folders import (
    Listing,
    Pair,
    files_by_stem,
    files_of_other_endings,
    split_folders,
    without_photo,
)
from descale.data.problems import SizeMismatch
from descale.data.sample import Label

MASK_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".bmp"})
"""Lossless formats; a JPEG mask has smeared values and is refused with the reason."""

_REMEDY = "masks are read from .png, .tif or .bmp; export as PNG (a converted JPEG stays smeared)"

_SUBFILE, _REDUCED = 254, 1
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_NUMBERS = {1: "whole numbers", 2: "signed whole numbers", 3: "floating-point numbers"}
_WHITE_IS_ZERO, _SIGNED = 0, 2
_PLAIN_MODES = frozenset({"L", "P", "RGB", "I", "F", "I;16", "I;16B", "I;16L"})


@dataclass(frozen=True, eq=False)
class StoredMask:
    """A mask as its file has it.

    Attributes:
        values: numbers in the file, (H, W) or (H, W, channels), of the file's own type.
        white: the number that is shown as white, where the file has fewer than 8 bits; else 255.
        inverted: white is 0 (a TIFF may say so).
        palette: colours of the indices, uint8 (N, 3), if the values are indices of a palette.
    """

    values: NDArray[Any]
    white: int = 255
    inverted: bool = False
    palette: NDArray[np.uint8] | None = None


def list_mask_files(root: Path, images: str, labels: str, make_label: Callable[[Path], Label]) -> Listing:
    """Pair photos and mask files by name without ending.

    Raises:
        DataError: a folder is missing, or the masks are JPEG files.
    """
    pairs: list[Pair] = []
    unlabelled: list[Path] = []
    orphans: list[Path] = []
    hints: dict[Path, str] = {}
    for split, folder, name in split_folders(root, images):
        label_folder = root / labels.format(split=name)
        if not label_folder.is_dir():
            raise DataError(f"{label_folder}: no such folder; the masks of {folder} are missing.")
        photos = files_by_stem(folder, PHOTO_SUFFIXES)
        masks = files_by_stem(label_folder, MASK_SUFFIXES)
        if photos and not masks and files_by_stem(label_folder, {".jpg", ".jpeg", ".jpe", ".jfif"}):
            raise DataError(
                f"{label_folder}: masks are JPEG files, whose values are smeared at every edge. "
                "Export them as PNG or TIFF."
            )
        for stem, image in photos.items():
            if stem in masks:
                pairs.append(Pair(stem, split, image, make_label(masks[stem])))
            else:
                unlabelled.append(image)
        lone = [image for stem, image in photos.items() if stem not in masks]
        hints |= files_of_other_endings(label_folder, lone, _REMEDY)
        orphans.extend(path for stem, path in masks.items() if stem not in photos)
    return Listing(tuple(pairs), tuple(unlabelled), without_photo(orphans, pairs), hints=hints)


def read_colours(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Colours of a mask, uint8 (H, W, 3) RGB.

    Raises:
        DataError: missing, broken, several pages, partly transparent, or not of the photo's ``size`` (height,
            width).
    """
    with _one_page(path) as image:
        image.load()
        colours = np.asarray(_opaque(ImageOps.exif_transpose(image), path))
    _check_size(path, colours, size)
    return colours


def read_stored(path: Path, size: tuple[int, int]) -> StoredMask:
    """Numbers of a mask as the file has them; a picture with a palette gives its indices.

    Pillow widens pixels of few bits to 0..255, takes signed bytes for unsigned and turns TIFF's "white is
    zero" over; all three are undone.

    Raises:
        DataError: missing, broken, several pages, partly transparent, 16-bit colours, or not of ``size``.
    """
    with _one_page(path) as image:
        depth = _depth(image)
        if depth > 8 and len(image.getbands()) > 1:
            raise DataError(f"{path}: {depth} bits per colour, of which half are lost. Export an 8-bit mask.")
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.mode == "1":
            upright = upright.convert("L")
        elif upright.mode not in _PLAIN_MODES:
            upright = _opaque(upright, path)
        values = np.asarray(upright)
        tiff = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
        palette = None
        if upright.mode == "P":
            palette = np.asarray(upright.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
    _check_size(path, values, size)
    signed = _SIGNED in tuple(np.atleast_1d(tiff.get(_SAMPLE_FORMAT, 1)))
    if values.dtype == np.uint8 and depth == 8 and signed:
        values = values.view(np.int8)
    elif values.dtype == np.int32 and depth == 32 and not signed:
        values = values.view(np.uint32)
    inverted = palette is None and tiff.get(_PHOTOMETRIC, 1) == _WHITE_IS_ZERO and values.dtype == np.uint8
    if inverted:
        values = 255 - values
    white = 255
    if palette is None and depth < 8 and values.dtype == np.uint8:
        white = (1 << depth) - 1
        values = values // (255 // white)
    return StoredMask(values, white, inverted, palette)


@contextmanager
def _one_page(path: Path) -> Iterator[Image.Image]:
    """Open a mask; of several pages nobody knows which is it.

    Raises:
        DataError: as :func:`descale.base.photo.reading`, with remedies that lose nothing; several pages.
    """
    try:
        with reading(path) as image:
            pages = _pages(image)
            if pages > 1:
                raise DataError(
                    f"{path}: {pages} pages, and only one can be the mask. "
                    "Save that page as a file of its own."
                )
            yield image
    except DataError as error:
        if isinstance(error.__cause__, UnidentifiedImageError) and path.stat().st_size:
            raise DataError(f"{path}: {_why_unread(path)}") from error.__cause__
        raise


def _why_unread(path: Path) -> str:
    """What a file is that Pillow does not know, and how to save it without loss."""
    with path.open("rb") as stream:
        content = content_of(stream.read(HEAD))
        tags: Mapping[int, Any] = {}
        stream.seek(0)
        try:
            tags = ImageFileDirectory_v2(stream.read(8))
            stream.seek(tags.next)
            tags.load(stream)
        except (SyntaxError, ValueError, OSError, struct.error):
            pass  # no TIFF, or broken from its start
        bits = tuple(map(int, np.atleast_1d(tags.get(_BITS, ()))))
        kinds = tuple(map(int, np.atleast_1d(tags.get(_SAMPLE_FORMAT, 1))))
    if bits:
        channels = f"{len(bits)} channels of " if len(bits) > 1 else ""
        kind = _NUMBERS.get(kinds[0], "numbers of a kind")
        return (
            f"{channels}{bits[0]}-bit {kind}, which are not read. "
            "Save the mask as PNG, or as a TIFF of 8 or 32 bits."
        )
    name = content.name if content is not None else "no picture"
    return f"its content is {name}, broken or of a kind that is not read as a mask. Export it as PNG."


def _pages(image: Image.Image) -> int:
    """Pictures in a file; smaller copies of one, which maps carry for zooming, are none of their own."""
    frames = getattr(image, "n_frames", 1)
    if frames == 1 or not isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(frames)
    copies = 0
    for number in range(1, frames):
        image.seek(number)
        copies += bool(image.tag_v2.get(_SUBFILE, 0) & _REDUCED)
    image.seek(0)
    return int(frames - copies)


def value_counts(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each of the values 0..255 occurs, int64 (256,).

    Pillow counts bytes where they are; ``np.bincount`` would first make a copy of 8 times the size.
    """
    return np.asarray(Image.fromarray(values).histogram(), dtype=np.int64)


def _depth(image: Image.Image) -> int:
    """Bits of one channel of one pixel, in the file."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(np.atleast_1d(image.tag_v2.get(_BITS, 1))[0])
    if image.mode == "1":
        return 1
    tiles = getattr(image, "tile", None)  # of files only
    arguments = tiles[0].args if tiles else ""
    stored = arguments if isinstance(arguments, str) else str(arguments[0] if arguments else "")
    digits = "".join(filter(str.isdigit, stored.partition(";")[2]))
    return int(digits) if digits and int(digits) in (1, 2, 4, 16) else 8


def _check_size(path: Path, values: NDArray[Any], size: tuple[int, int]) -> None:
    if values.shape[:2] != size:
        turned = values.shape[:2] == (size[1], size[0])
        remedy = (
            "The photo carries an EXIF rotation that the mask lacks; rotate the mask."
            if turned and size[0] != size[1]
            else "Export photo and mask from the same picture."
        )
        raise SizeMismatch(
            f"{path}: the mask is {values.shape[1]} x {values.shape[0]} pixels, "
            f"its photo {size[1]} x {size[0]}. {remedy}"
        )


def _opaque(image: Image.Image, path: Path) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") and image.getchannel("A").getextrema()[0] != 255:
        raise DataError(f"{path}: the mask is partly transparent. Export it without transparency.")
    return image.convert("RGB")
