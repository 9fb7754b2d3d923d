"""Which folders hold a set: the names that stand for a split, and what to write for folders that differ."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from descale.base.files import is_folder
from descale.base.photo import PHOTO_SUFFIXES
from descale.data.sample import Split

SPLIT_FOLDERS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}
"""Folder names that are taken for a split, when a layout says ``{split}``."""

FORMAT_OF: dict[str, str] = {".txt": "yolo", ".json": "labelme", ".png": "id-masks"}
"""Formats whose labels usually have these endings."""

USUAL = (
    "Usual are {split}/images and {split}/masks, for which {split} is train, valid or test (docs/data.md)."
)

_DEPTH, _MOST_FOLDERS = 3, 200
_SPLIT_WORD = re.compile(
    rf"(?<![^\W\d_])({'|'.join(sorted(SPLIT_FOLDERS, key=len, reverse=True))})(?![^\W\d_])", re.IGNORECASE
)
_LABEL_WORD = re.compile(
    r"(?<![^\W\d_])(masks?|labels?|ann|annotations?|gt|ids?|json|seg)(?![^\W\d_])", re.IGNORECASE
)


@dataclass(frozen=True)
class Place:
    """Where files of one kind lie, relative to the root, ``{split}`` in place of a split's name.

    Attributes:
        kind: ``photos``, ``txt`` or ``json`` for folders, ``coco`` for a file.
    """

    layout: str
    kind: str


def layout_remedy(root: Path) -> str:
    """What to write into the description of a set whose photos lie elsewhere, in a line or two.

    ``root`` exists. Folders are looked into to a depth of three.
    """
    found = _places(root)
    masks = [place for place in found if place.kind == "photos" and _LABEL_WORD.search(place.layout)]
    photos = [place for place in found if place.kind == "photos" and place not in masks]
    for place in sorted(photos, key=lambda place: "{split}" not in place.layout):
        divided = "{split}" in place.layout
        labels = [
            other
            for other in (*masks, *(o for o in found if o.kind != "photos"))
            if ("{split}" in other.layout) == divided
        ]
        if not labels:
            continue
        label = next((o for o in labels if o.kind != "photos" and o.layout != place.layout), labels[0])
        form = "coco" if label.kind == "coco" else FORMAT_OF.get(f".{label.kind}")
        lines = [
            *([f"format: {form}"] if form else []),
            f"images: {_written(place.layout)}",
            f"labels: {_written(label.layout)}",
        ]
        shown = min(found[place], key=lambda below: "train" not in below.casefold())
        word = _SPLIT_WORD.search(shown)
        if word and word[0] != word[0].lower():
            meant = f"{shown[: word.start()]}{word[0].lower()}{shown[word.end() :]}"
            return f"There is {root / shown}: rename it to {meant}, and the other splits likewise."
        described = root / "dataset.yml"
        if not described.is_file():
            described = root / "dataset.yaml"
        kept = ", in place of what it says of them" if described.is_file() else ""
        return f"There is {root / shown}: write {_listed(lines)} into {described}{kept}."
    return USUAL


def split_remedy(root: Path, layout: str, split: Split) -> str:
    """For a split whose folder is not there: which folder seems to be meant, or that photos are missing."""
    names = [name for name, meant in SPLIT_FOLDERS.items() if meant == split]
    pattern = re.compile(re.escape(layout).replace(re.escape("{split}"), "([^/]*)", 1), re.IGNORECASE)
    for folder in _folders(root):
        below = folder.relative_to(root).as_posix()
        matched = pattern.fullmatch(below)
        word = matched.group(1).casefold() if matched and pattern.groups else ""
        known = SPLIT_FOLDERS.get(word)
        right = below in {layout.format(split=name) for name in SPLIT_FOLDERS}
        if word and not right and known in (split, None) and _kinds(folder).get("photos"):
            meant = layout.format(split=word if known else names[0])
            return f"There are photos in {folder}: if they are meant, rename it to {root / meant}."
    return "Add photos."


def format_remedy(folder: Path) -> str | None:
    """Where no photo has a mask: the format that the files in the folder of the labels are of."""
    kinds = _kinds(folder)
    for kind in ("txt", "json"):
        if kinds.get(kind) and not kinds.get("photos"):
            form = FORMAT_OF[f".{kind}"]
            return f"{folder} holds no masks but .{kind} files: write 'format: {form}' into dataset.yaml."
    return None


def _places(root: Path) -> Mapping[Place, list[str]]:
    """The places of files, and the folders (files) that they were told from."""
    found: dict[Place, list[str]] = defaultdict(list)
    for folder in _folders(root):
        below = folder.relative_to(root).as_posix()
        for kind, names in _kinds(folder).items():
            if kind == "json" and (many := _annotation_files(names)):
                for name in many:
                    path = (PurePosixPath(below) / name).as_posix()
                    found[Place(_SPLIT_WORD.sub("{split}", path, count=1), "coco")].append(path)
            elif folder != root:
                found[Place(_SPLIT_WORD.sub("{split}", below, count=1), kind)].append(below)
    return found


def _annotation_files(names: list[str]) -> list[str]:
    """Files that are for a whole split: each names one, or there is one alone."""
    named = [name for name in names if _SPLIT_WORD.search(name) or "coco" in name.casefold()]
    return names if len(names) == 1 else named


def _folders(root: Path) -> Iterator[Path]:
    for number, (place, below, _) in enumerate(os.walk(root)):
        if number == _MOST_FOLDERS:
            return
        here = Path(place)
        deep = len(here.relative_to(root).parts) >= _DEPTH
        below[:] = [] if deep else sorted(name for name in below if not name.startswith("."))
        yield here


def _kinds(folder: Path) -> dict[str, list[str]]:
    """Names of the files of a folder by what they may be; ``classes.txt`` and the like are none of it."""
    found: dict[str, list[str]] = defaultdict(list)
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if not is_folder(entry))
    except OSError:
        return found
    for name in names:
        suffix = Path(name).suffix.lower()
        kind = "photos" if suffix in PHOTO_SUFFIXES else suffix[1:]
        if kind in ("photos", "txt", "json") and name != "classes.txt" and not name.startswith("."):
            found[kind].append(name)
    return found


def _written(value: str) -> str:
    return f'"{value}"' if value.startswith("{") else value


def _listed(lines: list[str]) -> str:
    quoted = [f"'{line}'" for line in lines]
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"
