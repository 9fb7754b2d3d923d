"""Find photos and labels in folders and pair them by file name."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from descale.base.errors import DataError
from descale.base.files import is_folder
from descale.base.photo import PHOTO_SUFFIXES
from descale.data.layouts import FORMAT_OF, SPLIT_FOLDERS, layout_remedy
from descale.data.sample import Label, Split


@dataclass(frozen=True)
class Pair:
    """A photo and its label, before the set's ids and scenes are known. ``split`` is as published."""

    stem: str
    split: Split | None
    image: Path
    label: Label


@dataclass(frozen=True)
class Listing:
    """All that a reader finds under a root.

    Attributes:
        pairs: photos with a label.
        unlabelled: photos without one.
        orphans: labels without a photo.
        nested: photos in subfolders, which no reader looks into.
        hints: of photos without a label, what lies there instead and what to do with it.
    """

    pairs: tuple[Pair, ...]
    unlabelled: tuple[Path, ...] = ()
    orphans: tuple[Path, ...] = ()
    nested: tuple[Path, ...] = ()
    hints: Mapping[Path, str] = field(default_factory=dict)


def without_photo(labels: Iterable[Path], pairs: Sequence[Pair]) -> tuple[Path, ...]:
    """Label files of no photo in any split: one folder may hold the labels of all of them."""
    used = {pair.label.path for pair in pairs}
    return tuple(path for path in dict.fromkeys(labels) if path not in used)


def split_folders(root: Path, layout: str) -> list[tuple[Split | None, Path, str]]:
    """Folders that ``layout`` names under ``root``: (split, folder, name of the split's folder).

    ``{split}`` in the layout stands for any name in :data:`descale.data.layouts.SPLIT_FOLDERS`; a layout
    without it is one folder whose photos have no split yet.

    Raises:
        DataError: none of them exists, or two folders claim the same split.
    """
    if "{split}" not in layout:
        folder = root / layout
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder. Check 'root' and 'images' in the description.")
        return [(None, folder, "")]
    found: dict[Split, tuple[Path, str]] = {}
    for name, split in SPLIT_FOLDERS.items():
        folder = root / layout.format(split=name)
        if folder.is_dir():
            if split in found:
                raise DataError(f"{folder} and {found[split][0]} are the same split. Keep one of them.")
            found[split] = (folder, name)
    if not found:
        example = root / layout.format(split="train")
        raise DataError(f"{root}: no photos found; expected a folder {example}. {layout_remedy(root)}")
    return [(split, folder, name) for split, (folder, name) in found.items()]


def photos_in_subfolders(root: Path, images: str, labels: str) -> tuple[Path, ...]:
    """Photos below the folders that ``images`` names, but not right in them; labels' folders are left out.

    Raises:
        DataError: as :func:`split_folders`.
    """
    folders = split_folders(root, images)
    others = {folder for _, folder, _ in folders} | {
        root / labels.format(split=name) for _, _, name in folders
    }
    found: list[Path] = []
    for _, folder, _ in folders:
        for place, below, names in os.walk(folder):
            here = Path(place)
            below[:] = sorted(name for name in below if name[0] != "." and here / name not in others)
            if here != folder:
                photos = (name for name in sorted(names) if Path(name).suffix.lower() in PHOTO_SUFFIXES)
                found.extend(here / name for name in photos if not name.startswith("."))
    return tuple(found)


def plain_name(stated: str) -> str:
    r"""A file's name out of what tools write for it, for comparing.

    Folders before it, either way they slope, go, so do an address and what follows its question mark; percent
    codes are read, accents are composed, and the ending is in small letters.

    >>> plain_name(r"..\media\4\Br%C3%BCcke 1.PNG"), plain_name("https://host/data/a.jpg?sig=1")
    ('Brücke 1.png', 'a.jpg')
    """
    if "://" in stated:
        stated = stated.split("?")[0].split("#")[0]
    name = unquote(stated.replace("\\", "/").rsplit("/", 1)[-1])
    stem, suffix = os.path.splitext(unicodedata.normalize("NFC", name))
    return stem + suffix.lower()


def files_by_stem(folder: Path, suffixes: Collection[str]) -> dict[str, Path]:
    """Files of a folder by name without ending, sorted by name; hidden files are left out.

    Accents are composed in the keys, however a file system wrote them.

    Raises:
        DataError: the folder is missing, or two files differ only in their ending.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if not is_folder(entry))
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror}). Check the path.") from error
    found: dict[str, Path] = {}
    for name in names:
        stem, suffix = os.path.splitext(name)
        if name.startswith(".") or suffix.lower() not in suffixes:
            continue
        stem = unicodedata.normalize("NFC", stem)
        if stem in found:
            how = _accents(name, found[stem])
            raise DataError(
                f"{folder / name} and {found[stem].name} share the name '{stem}'{how}, so their labels "
                "cannot be told apart. Rename or remove one."
            )
        found[stem] = folder / name
    return found


def files_of_other_endings(folder: Path, photos: Collection[Path], remedy: str) -> dict[Path, str]:
    """What lies in a folder of labels under the names of photos without one: the file, and the remedy.

    Args:
        folder: where the labels are; photos in it are left out.
        photos: those without a label.
        remedy: which endings are read, and what to do.
    """
    wanted = {unicodedata.normalize("NFC", photo.stem): photo for photo in photos}
    found: dict[Path, str] = {}
    for name in sorted(os.listdir(folder)) if wanted else ():
        stem, suffix = os.path.splitext(name)
        photo = wanted.get(unicodedata.normalize("NFC", stem))
        beside = photo is not None and photo.parent == folder and suffix.lower() in PHOTO_SUFFIXES
        if photo is not None and not beside and not (folder / name).is_dir():
            form = FORMAT_OF.get(suffix.lower())
            other = f", or write 'format: {form}' if it is the label" if form else ""
            found.setdefault(photo, f"{folder / name} is there, but {remedy}{other}")
    return found


def _accents(name: str, other: Path) -> str:
    """What tells names apart that look alike: accents are of their letters, or beside them."""
    composed = [unicodedata.is_normalized("NFC", one) for one in (name, other.name)]
    if composed[0] == composed[1]:
        return ""
    place = "first" if composed[1] else "second"
    return f" (the {place} has its accents as characters of their own, as macOS writes them)"
