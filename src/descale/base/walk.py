"""Files below folders and behind patterns, each once, wherever links lead."""

from __future__ import annotations

import fnmatch
import glob
import os
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from descale.base.files import is_folder


@dataclass(frozen=True)
class Place:
    """A file or a folder: ``path`` by the way that was taken, ``real`` without links."""

    path: Path
    real: str


@dataclass
class Walk:
    """What was come upon on the way through folders.

    Attributes:
        files: of any kind, each once: by its own way rather than by a link.
        lost: reasons by path: links that lead nowhere, folders that may not be read, pipes and devices.
        again: links to what was come upon anyway, or that lead back up.
    """

    files: list[Place] = field(default_factory=list)
    lost: dict[Path, str] = field(default_factory=dict)
    again: list[Path] = field(default_factory=list)
    _real_files: set[str] = field(default_factory=set)
    _real_folders: set[str] = field(default_factory=set)

    def add(self, path: Path) -> None:
        """Take up a file, or all files below a folder, those of linked folders too."""
        if not path.is_dir():
            self._add_file(Place(path, os.path.realpath(path)))
            return
        links: list[Path] = []
        for folder, entries in self._folders([path], self._real_folders):
            for entry in entries:
                if entry.is_symlink():
                    links.append(folder.path / entry.name)
                elif not is_folder(entry):
                    self._add_file(_inside(folder, entry.name))
        for link in links:
            if not link.is_dir():
                self._add_file(Place(link, os.path.realpath(link)))

    def folders(self, starts: Iterable[Path]) -> list[Path]:
        """``starts`` and all folders below them, each once."""
        return [folder.path for folder, _ in self._folders(starts, set())]

    def _add_file(self, file: Place) -> None:
        if file.real in self._real_files:
            self.again.append(file.path)
        elif os.path.isfile(file.real):
            self._real_files.add(file.real)
            self.files.append(file)
        elif file.path.is_symlink():
            self.lost[file.path] = f"{file.path}: a link that leads nowhere. Is its disk mounted?"
        else:
            self.lost[file.path] = f"{file.path}: a pipe, socket or device, not a file. Leave it out."

    def _folders(
        self, starts: Iterable[Path], seen: set[str]
    ) -> Iterator[tuple[Place, list[os.DirEntry[str]]]]:
        """Folders with what is in them; linked ones last, so that files keep their own ways."""
        waiting = deque(Place(path, os.path.realpath(path)) for path in starts)
        tops = [place.real for place in waiting]
        linked: deque[Place] = deque()
        while waiting or linked:
            by_link = not waiting
            here = linked.popleft() if by_link else waiting.popleft()
            if here.real in seen or (by_link and any(_is_above(here.real, top) for top in tops)):
                if by_link:
                    self.again.append(here.path)
                continue
            seen.add(here.real)
            try:
                with os.scandir(here.path) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError as error:
                self.lost[here.path] = f"{here.path}: a folder that cannot be read ({error.strerror})."
                continue
            for entry in entries:
                if entry.is_symlink() and is_folder(entry):
                    linked.append(Place(here.path / entry.name, os.path.realpath(entry.path)))
                elif is_folder(entry):
                    waiting.append(_inside(here, entry.name))
            yield here, entries


def walk_pattern(pattern: str) -> tuple[Walk, Path]:
    """The files that a pattern means, all of folders that it means, and the folder where its wildcards begin.

    ``*``, ``?`` and ``[...]`` stand for parts of a name, ``**`` for folders to any depth, linked ones too.
    """
    walk = Walk()
    places, base = [Path()], None
    for part in Path(pattern).parts:
        if glob.has_magic(part) and base is None:
            base = places[0] if places else Path()
        if part == "**":
            places = walk.folders(places)
        elif glob.has_magic(part):
            places = [child for place in places for child in _matching(place, part)]
        else:
            places = [child for place in places if (child := spelt(place / part)) is not None]
    for place in sorted(places, key=Path.is_symlink):  # files keep their own ways
        walk.add(place)
    return walk, base or Path()


def spelt(path: Path) -> Path | None:
    """``path`` as the disk spells it, ``None`` if it is not there: accents can be encoded in two ways."""
    found = Path()
    for part in path.parts:
        if not os.path.lexists(found / part):
            wanted = composed(part)
            part = next((name for name in _names(found) if composed(name) == wanted), "")
            if not part:
                return None
        found /= part
    return found


def composed(name: str) -> str:
    """A name in the one of its encodings that has a letter and its accent in one (NFC)."""
    return unicodedata.normalize("NFC", name)


def _matching(folder: Path, pattern: str) -> list[Path]:
    wanted, hidden = composed(pattern), pattern.startswith(".")
    return [
        folder / name
        for name in _names(folder)
        if name.startswith(".") == hidden and fnmatch.fnmatch(composed(name), wanted)
    ]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # no folder, or none that may be read: nothing in it is meant
        return []


def _inside(folder: Place, name: str) -> Place:
    return Place(folder.path / name, os.path.join(folder.real, name))


def _is_above(folder: str, other: str) -> bool:
    return Path(other).is_relative_to(folder)
