"""Which files a command line means and what their outputs are called."""

from __future__ import annotations

import glob
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from descale.base.errors import DataError
from descale.base.photo import PHOTO_SUFFIXES
from descale.prediction.listing import Listed, list_files
from descale.prediction.unread import count_kinds, tell_unread
from descale.prediction.video import VIDEO_SUFFIXES

logger = logging.getLogger(__name__)

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

    Hidden files and what earlier runs wrote are left out, except where the argument itself leads there.

    Args:
        arguments: files, folders, glob patterns (``**`` allowed), or ``-``.
        exclude: folder that is left out, so that outputs inside the photos' folder are not read again.

    Raises:
        DataError: a file does not exist, or a folder or a pattern holds no photo outside of ``exclude``.
    """
    found: dict[Path, Input] = {}  # each file once, in order
    unread: dict[str, str] = {}
    for argument in arguments:
        path = Path(argument)
        root = path if path.is_dir() else Path()
        if argument == STDIN or (path.exists() and not path.is_dir()):
            files = [path]
        elif path.is_dir() or glob.has_magic(argument):
            listed = _list(argument, exclude)
            files = listed.files
            unread.update(tell_unread(argument, listed.unread))
        else:
            raise DataError(f"{path}: no such file or folder. Check the path.")
        for file in files:
            found.setdefault(file, Input(file, root))
    return Found(list(found.values()), tuple(unread.items()))


def _list(argument: str, exclude: Path | None) -> Listed:
    path = Path(argument)
    if path.is_dir():
        listed = list_files(path.rglob("*"), path, exclude=exclude)
        nothing = f"{path}: a folder without photos ({', '.join(sorted(PHOTO_SUFFIXES))}) or videos."
        remedy = "Name the folder that holds them."
    else:
        named = takewhile(lambda part: not glob.has_magic(part), path.parts)  # by the person, hidden or not
        names = glob.glob(argument, recursive=True)
        listed = list_files(map(Path, names), Path(*named), exclude=exclude)
        nothing = f"{argument}: no photo or video matches this pattern."
        remedy = "Check the folder."
    if listed.results:
        logger.info(
            "%s: %d pictures are results of an earlier run and are left out (%s, ...)",
            argument, len(listed.results), listed.results[0],
        )  # fmt: skip
    if listed.files:
        return listed
    if listed.unread:
        kinds = count_kinds(listed.unread)
        remedy = f"Pictures of other kinds are not read ({kinds}): convert them to JPEG."
    elif listed.barred:
        raise DataError(f"{argument}: --out {exclude} holds the photos; give another folder.")
    elif listed.results:
        remedy = f"What is there are results of an earlier run. {remedy}"
    raise DataError(f"{nothing} {remedy}")


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
