"""Which files a command line means and what their outputs are called."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from descale.errors import DataError
from descale.runtime.photo import PHOTO_SUFFIXES
from descale.runtime.unread import UNREAD_SUFFIXES, count_kinds, pictures_not_read, tell_unread
from descale.runtime.video import VIDEO_SUFFIXES

STDIN = "-"


@dataclass(frozen=True)
class Input:
    """One file (or standard input) that was asked for, by argument or as part of a folder."""

    path: Path
    root: Path

    @property
    def is_video(self) -> bool:
        """By its suffix."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


@dataclass(frozen=True)
class Found:
    """What arguments stand for.

    Attributes:
        inputs: what to read, each file once, in order.
        unread: (photo, reason) of pictures in folders whose kind is not read.
    """

    inputs: list[Input]
    unread: tuple[tuple[str, str], ...] = ()


def find_inputs(arguments: Sequence[str], *, exclude: Path | None = None) -> Found:
    """Resolve arguments to files: folders are searched to any depth, patterns are expanded.

    Args:
        arguments: files, folders, glob patterns (``**`` allowed), or ``-``.
        exclude: folder that is left out, so that outputs inside the photos' folder are not read again.

    Raises:
        DataError: a file does not exist, or a folder or a pattern holds no photo.
    """
    found: dict[Path, Input] = {}  # each file once, in order
    unread: dict[str, str] = {}
    for argument in arguments:
        path = Path(argument)
        root = path if path.is_dir() else Path()
        if argument == STDIN or (path.exists() and not path.is_dir()):
            files = [path]
        elif path.is_dir():
            files, strange = _listed(path.rglob("*"), path, exclude)
            if not files:
                raise DataError(
                    f"{path}: a folder without photos ({', '.join(sorted(PHOTO_SUFFIXES))}) or videos. "
                    + _remedy(strange, "Name the folder that holds them.")
                )
            unread.update(tell_unread(argument, strange))
        elif glob.has_magic(argument):
            names = glob.glob(argument, recursive=True)
            files, strange = _listed((Path(name) for name in names), None, exclude)
            if not files:
                raise DataError(
                    f"{argument}: no photo or video matches this pattern. "
                    + _remedy(strange, "Check the folder.")
                )
            unread.update(tell_unread(argument, strange))
        else:
            raise DataError(f"{path}: no such file or folder. Check the path.")
        for file in files:
            found.setdefault(file, Input(file, root))
    return Found(list(found.values()), tuple(unread.items()))


def _remedy(strange: Sequence[Path], otherwise: str) -> str:
    if not strange:
        return otherwise
    return f"Pictures of other kinds are not read ({count_kinds(strange)}): convert them to JPEG."


def _listed(paths: Iterator[Path], root: Path | None, exclude: Path | None) -> tuple[list[Path], list[Path]]:
    """Files to read, and pictures of kinds that are not."""
    barred = exclude.resolve() if exclude is not None else None
    pictures = sorted(
        path
        for path in paths
        if path.suffix.lower() in PHOTO_SUFFIXES | VIDEO_SUFFIXES | UNREAD_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in (path.relative_to(root) if root else path).parts[:-1])
        and not path.name.startswith(".")
        and (barred is None or not path.resolve().is_relative_to(barred))
    )
    files = [path for path in pictures if path.suffix.lower() not in UNREAD_SUFFIXES]
    return files, pictures_not_read(pictures)


def output_names(inputs: Sequence[Input]) -> list[str]:
    """A name for each input, relative and without suffix; equal ones get suffix, then folder added.

    >>> output_names([Input(Path("a/x.jpg"), Path("a")), Input(Path("a/x.png"), Path("a"))])
    ['x_jpg', 'x_png']
    """
    levels = []
    for item in inputs:
        if str(item.path) == STDIN:
            levels.append(["stdin"] * 4)
            continue
        in_folder = item.root != Path() and item.path.is_relative_to(item.root)
        inner = item.path.relative_to(item.root) if in_folder else Path(item.path.name)
        plain = inner.with_suffix("").as_posix()
        typed = f"{plain}_{item.path.suffix[1:]}"
        whole = "_".join(part for part in item.path.with_suffix("").parts if part not in ("/", "..", "."))
        levels.append([plain, typed, f"{item.path.parent.name}_{typed}", f"{whole}_{item.path.suffix[1:]}"])
    chosen = [0] * len(levels)
    for level in range(3):
        names = [entry[at].casefold() for entry, at in zip(levels, chosen, strict=True)]
        counts = Counter(names)
        for i, name in enumerate(names):
            if counts[name] > 1 and chosen[i] == level:
                chosen[i] = level + 1
    return _distinct([entry[at] for entry, at in zip(levels, chosen, strict=True)])


def _distinct(names: Sequence[str]) -> list[str]:
    """Number what is still equal, letter case aside: ``x``, ``x_2``.

    >>> _distinct(["x", "X", "x_2"])
    ['x', 'X_3', 'x_2']
    """
    used = {name.casefold() for name in names}
    seen: set[str] = set()
    found = []
    for name in names:
        free, number = name, 2
        while free.casefold() in seen or (free != name and free.casefold() in used):
            free, number = f"{name}_{number}", number + 1
        seen.add(free.casefold())
        found.append(free)
    return found
