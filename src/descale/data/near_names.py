"""The file that a photo or a label without partner may have been meant for, and how the names differ."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

from descale.data.folders import plain_name

EXPLAINED = 100
"""Files that are compared; each of more is told by its own name alone."""
LEAST_ALIKE = 0.6


def with_nearest(
    lone: Sequence[Path], others: Sequence[Path], hints: Mapping[Path, str] = MappingProxyType({})
) -> tuple[str, ...]:
    """The lone files for a message, each with the nearest of the others and the difference, if one is near.

    Where ``hints`` tell more of a file, that stands there instead.

    >>> with_nearest([Path("images/Wall 1.jpg")], [Path("masks/wall_1.png"), Path("masks/wall_2.png")])
    ('images/Wall 1.jpg (nearest: wall_1.png, other in capital letters and in spaces or marks)',)
    """
    lines = []
    for number, path in enumerate(lone):
        if path in hints:
            lines.append(f"{path} ({hints[path]})")
            continue
        near = _nearest(path, others) if number < EXPLAINED else None
        lines.append(str(path) if near is None else f"{path} (nearest: {near[0]}, {near[1]})")
    return tuple(lines)


def _nearest(path: Path, others: Sequence[Path]) -> tuple[str, str] | None:
    """A name of the same numbers, or one that only goes on at an end, and what is different about it.

    Where none is alike, a lone file of the same numbers is meant: photos and masks are counted alike.
    """
    stem = _stem(path.name)
    longer: list[tuple[int, str, str]] = []
    alike: list[tuple[float, str, str]] = []
    for other in others:
        second = _stem(other.name)
        short, long = sorted((stem, second), key=len)
        if stem == second:
            alike.append((1 + (path.parent == other.parent), other.name, _same_but(path, other)))
        elif _numbers(stem) == _numbers(second):
            likeness = difflib.SequenceMatcher(None, stem.casefold(), second.casefold()).ratio()
            alike.append((likeness, other.name, _difference(stem, second)))
        elif more := _more(short, long):
            longer.append((-len(more), other.name, f"'{more}' {'less' if long == stem else 'more'}"))
    if alike and max(alike)[0] >= LEAST_ALIKE:
        return max(alike)[1:]
    if longer:
        return max(longer)[1:]
    return alike[0][1:] if len(alike) == 1 and _numbers(stem) else None


def _more(short: str, long: str) -> str:
    """What the longer name has in front of or behind the shorter one, with a mark between them."""
    behind, front = long[len(short) :], long[: len(long) - len(short)]
    if long.startswith(short) and not behind[:1].isalnum():
        return behind
    return front if long.endswith(short) and not front[-1:].isalnum() else ""


def _same_but(first: Path, second: Path) -> str:
    """The difference of files whose names without ending say the same."""
    if unicodedata.normalize("NFC", first.stem) != unicodedata.normalize("NFC", second.stem) and "%" in (
        first.name + second.name
    ):
        return "other in percent codes"
    if first.parent != second.parent:
        return f"but in {second.parent}"
    endings = [plain_name(path.name)[len(_stem(path.name)) :] for path in (first, second)]
    return f"other in the ending: '{endings[1]}', not '{endings[0]}'"


def _difference(first: str, second: str) -> str:
    """In words; ``first`` and ``second`` have the same numbers."""
    kinds = {
        "capital letters": str.casefold,
        "spaces or marks": lambda text: re.sub(r"[\W_]+", "", text),
        "leading zeros": lambda text: re.sub(r"0*(\d+)", r"\1", text),
    }

    def same(without: str = "") -> bool:
        plain = [first, second]
        for kind, simpler in kinds.items():
            if kind != without:
                plain = [simpler(text) for text in plain]
        return plain[0] == plain[1]

    if not same():
        short, long = sorted((first, second), key=len)
        if long.startswith(short):
            return f"'{long[len(short) :]}' {'less' if long == first else 'more'}"
        return "other in spelling"
    return f"other in {' and in '.join(kind for kind in kinds if not same(without=kind))}"


def _stem(name: str) -> str:
    """Without ending; what was coded in percents twice is read twice."""
    plain = plain_name(name)
    while (again := unquote(plain)) != plain:
        plain = again
    return plain.rsplit(".", 1)[0]


def _numbers(stem: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", stem)]
