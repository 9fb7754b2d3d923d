"""Which photos and films a command line means: none of them is left out without a word."""

from __future__ import annotations

import glob
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from os.path import realpath
from pathlib import Path, PurePath
from urllib.parse import unquote

from descale.base.errors import DataError
from descale.base.home import expanded, refuse_empty
from descale.base.photo import PHOTO_SUFFIXES, is_hidden
from descale.base.spelling import suggestion
from descale.base.walk import Walk, spelt, walk_pattern
from descale.prediction.kinds import count_kinds, is_film, kind_of, why_not_read, without_copies
from descale.prediction.results_folder import holds_results, in_results
from descale.prediction.video import can_read_videos

logger = logging.getLogger(__name__)

STDIN = "-"
_NO_FILMS = "videos need the package 'av'. Install it with: pip install 'descale[video]'"


@dataclass(frozen=True)
class Input:
    """One file (or standard input) that was asked for, by argument or as part of a folder."""

    path: Path
    root: Path | None
    """The folder or the beginning of the pattern; ``None`` where the file itself was named."""

    @property
    def is_video(self) -> bool:
        """By its ending, or by its content where that says nothing."""
        return str(self.path) != STDIN and is_film(self.path)


@dataclass(frozen=True)
class Found:
    """What arguments stand for.

    Attributes:
        inputs: what to read, each file once, in order.
        unread: (photo, reason) of what could be photos and films but cannot be read or is not there.
    """

    inputs: list[Input]
    unread: tuple[tuple[str, str], ...] = ()


def find_inputs(arguments: Sequence[str], *, exclude: Path | None = None) -> Found:
    """Resolve arguments to files: folders are searched to any depth and behind links, patterns are expanded.

    Hidden files and what earlier runs wrote are left out, except where the argument itself leads there.

    Args:
        arguments: files, folders, glob patterns (``**`` allowed), or ``-``.
        exclude: folder that is left out, so that outputs inside the photos' folder are not read again.

    Raises:
        DataError: an argument is empty, a file does not exist, or a folder or a pattern holds no photo
            outside of ``exclude``.
    """
    found: dict[str, Input] = {}  # each file once, in order
    unread: dict[str, str] = {}
    for argument in arguments:
        if argument == STDIN:
            found.setdefault(STDIN, Input(Path(STDIN), None))
            continue
        refuse_empty(argument)
        path = spelt(Path(argument))
        if path is not None and path.is_dir():
            walk, root = Walk(), path
            walk.add(path)
        elif path is not None:
            found.setdefault(realpath(path), Input(path, None))
            continue
        elif glob.has_magic(argument):
            walk, root = walk_pattern(argument)
        else:
            raise DataError(_not_there(argument))
        sorted_out = _sort_out(walk, root, exclude)
        unread.update(_tell(argument, sorted_out))
        if not sorted_out.files:
            raise DataError(_nothing(argument, path is not None, sorted_out, exclude))
        for file in sorted_out.files:
            found.setdefault(realpath(file), Input(file, root))
    return Found(list(found.values()), tuple(unread.items()))


@dataclass
class _SortedOut:
    """Files below a folder by what becomes of them: photos and films to read, and those that are left out."""

    files: list[Path] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)
    films: list[Path] = field(default_factory=list)  # which cannot be read here
    lost: dict[Path, str] = field(default_factory=dict)
    results: list[Path] = field(default_factory=list)
    barred: list[Path] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    again: list[Path] = field(default_factory=list)


def _sort_out(walk: Walk, base: Path, exclude: Path | None) -> _SortedOut:
    """What is hidden below ``base`` is left out, whatever the base itself is called."""
    barrier = Path(realpath(exclude)) if exclude is not None else None
    result = _SortedOut(again=walk.again)
    is_result = _result_test(base)
    unread = []
    for file in sorted(walk.files, key=lambda file: file.path):
        inner = file.path.relative_to(base)
        barred = barrier is not None and Path(file.real).is_relative_to(barrier)
        if barred and is_result(inner):
            continue  # the results of this very run go without saying
        kind = kind_of(file.path)
        if kind == "other":
            continue
        if barred:
            result.barred.append(file.path)
        elif is_hidden(inner):
            result.hidden.append(file.path)
        elif is_result(inner):
            result.results.append(file.path)
        elif kind in ("unread", "misnamed"):
            unread.append((kind, file.path))
        elif kind == "film" and not can_read_videos():
            result.films.append(file.path)
        else:
            result.files.append(file.path)
    photos = [path for path in result.files if path.suffix.lower() in PHOTO_SUFFIXES]
    result.unread = without_copies([path for kind, path in unread if kind == "unread"], photos)
    result.unread += without_copies([path for kind, path in unread if kind == "misnamed"], result.files)
    result.lost = {path: why for path, why in walk.lost.items() if not is_hidden(path.relative_to(base))}
    return result


def _result_test(base: Path) -> Callable[[PurePath], bool]:
    known = cache(lambda folder: holds_results(base / folder))
    return lambda inner: in_results(inner, known)


def _tell(argument: str, sorted_out: _SortedOut) -> dict[str, str]:
    """Log what is left out; return the reason by photo for what counts as skipped."""
    for paths, what in (
        (sorted_out.results, "pictures are results of an earlier run and are left out"),
        (sorted_out.barred, "pictures lie in the folder of the results and are left out"),
        (sorted_out.hidden, "pictures are hidden and are left out"),
        (sorted_out.again, "links lead to what is there anyway, or back; all is done once"),
    ):
        if paths:
            logger.info("%s: %d %s (%s%s)", argument, len(paths), what, paths[0], ", ..." * (len(paths) > 1))
    if sorted_out.unread:
        logger.warning(
            "%d files in %s are of no kind that is read (%s) and count as skipped: %s%s",
            len(sorted_out.unread), argument, count_kinds(sorted_out.unread),
            why_not_read(sorted_out.unread[0]), " ..." * (len(sorted_out.unread) > 1),
        )  # fmt: skip
    if sorted_out.films:
        logger.warning("%d films in %s count as skipped: %s", len(sorted_out.films), argument, _NO_FILMS)
    for why in sorted_out.lost.values():
        logger.warning("skipped %s", why)
    reasons = {str(path): why_not_read(path) for path in sorted_out.unread}
    reasons |= {str(path): f"{path}: {_NO_FILMS}" for path in sorted_out.films}
    return reasons | {str(path): why for path, why in sorted_out.lost.items()}


def _nothing(argument: str, folder: bool, sorted_out: _SortedOut, exclude: Path | None) -> str:
    """Why a folder or a pattern gives nothing to read."""
    if folder:
        nothing = f"{argument}: a folder without photos ({', '.join(sorted(PHOTO_SUFFIXES))}) or videos."
        remedy = "Name the folder that holds them."
    else:
        nothing = f"{argument}: no photo or video matches this pattern."
        remedy = "Check the folder."
    if sorted_out.unread:
        kinds = count_kinds(sorted_out.unread)
        remedy = f"Pictures of other kinds are not read ({kinds}): convert them to JPEG."
    elif sorted_out.films:
        nothing, remedy = f"{argument}: {len(sorted_out.films)} films and no photo;", _NO_FILMS
    elif sorted_out.lost:
        remedy = next(iter(sorted_out.lost.values()))
    elif sorted_out.barred:
        return f"{argument}: --out {exclude} holds the photos; give another folder."
    elif sorted_out.results:
        remedy = f"What is there are results of an earlier run. {remedy}"
    elif sorted_out.hidden:
        remedy = f"The pictures there are hidden ({sorted_out.hidden[0]}): name their folder itself."
    return f"{nothing} {remedy}"


def _not_there(argument: str) -> str:
    """That a file is missing, and which one is probably meant: paths are pasted in many spellings."""
    plain = unquote(argument.removeprefix("file://")).replace("\\", "/")
    for meant in (plain, str(expanded(plain))):
        if meant != argument and (there := spelt(Path(meant))) is not None:
            return f"{argument}: no such file or folder. There is {there}; name it so."
    path = Path(argument)
    beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    near = suggestion(path.name, beside)
    return (
        f"{argument}: no such file or folder{f'; {near}' if near.startswith('did') else '. Check the path.'}"
    )
