"""What id masks and colour masks have in common: one picture per photo, same name, same size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from descale.base.errors import DataError
from descale.base.photo import PHOTO_SUFFIXES, reading
from descale.data.folders import Listing, Pair, files_by_stem, split_folders
from descale.data.problems import SizeMismatch
from descale.data.sample import Label

MASK_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".bmp"})
"""Lossless formats; a JPEG mask has smeared values and is refused with the reason."""


def list_mask_files(root: Path, images: str, labels: str, make_label: Callable[[Path], Label]) -> Listing:
    """Pair photos and mask files by name without ending.

    Raises:
        DataError: a folder is missing, or the masks are JPEG files.
    """
    pairs: list[Pair] = []
    unlabelled: list[Path] = []
    orphans: list[Path] = []
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
        orphans.extend(path for stem, path in masks.items() if stem not in photos)
    return Listing(tuple(pairs), tuple(unlabelled), tuple(orphans))


def read_mask_file(path: Path, size: tuple[int, int], *, colours: bool = False) -> NDArray[np.integer[Any]]:
    """Raw values of a mask: (H, W) or (H, W, channels).

    With ``colours`` always uint8 (H, W, 3) RGB; without, a picture with a palette gives its indices.

    Raises:
        DataError: missing, broken, or not of ``size`` = (height, width) of the photo.
    """
    with reading(path) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.mode == "1":
            upright = upright.convert("L")
        elif upright.mode not in ("L", "P", "RGB", "I", "I;16", "I;16B", "I;16L") or colours:
            upright = _opaque(upright, path)
        values = np.asarray(upright)
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
    return values


def value_counts(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each of the values 0..255 occurs, int64 (256,).

    Pillow counts bytes where they are; ``np.bincount`` would first make a copy of 8 times the size.
    """
    return np.asarray(Image.fromarray(values).histogram(), dtype=np.int64)


def _opaque(image: Image.Image, path: Path) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") and image.getchannel("A").getextrema()[0] != 255:
        raise DataError(f"{path}: the mask is partly transparent. Export it without transparency.")
    return image.convert("RGB")
