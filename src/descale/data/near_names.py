"""The file that a photo or a label without partner may have been meant for, and how the names differ."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

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
    names = [other.name for other in others]
    lines = []
    for number, path in enumerate(lone):
        if path in hints:
            lines.append(f"{path} ({hints[path]})")
            continue
        near = _nearest(path.name, names) if number < EXPLAINED else None
        lines.append(str(path) if near is None else f"{path} (nearest: {near[0]}, {near[1]})")
    return tuple(lines)


def _nearest(name: str, names: Sequence[str]) -> tuple[str, str] | None:
    """A name of the same numbers, or one that only goes on, and what is different about it."""
    stem = _stem(name)
    longer: list[tuple[int, str, str]] = []
    alike: list[tuple[float, str, str]] = []
    for other in names:
        second = _stem(other)
        short, long = sorted((stem, second), key=len)
        more = long[len(short) :]
        if _numbers(stem) == _numbers(second):
            likeness = difflib.SequenceMatcher(None, stem.casefold(), second.casefold()).ratio()
            alike.append((likeness, other, _difference(stem, second)))
        elif long.startswith(short) and not more[:1].isalnum():
            longer.append((-len(more), other, f"'{more}' {'less' if long == stem else 'more'}"))
    if alike and max(alike)[0] >= LEAST_ALIKE:
        return max(alike)[1:]
    return max(longer)[1:] if longer else None


def _difference(first: str, second: str) -> str:
    """In words; ``first`` and ``second`` have the same numbers."""
    kinds = {
        "capital letters": str.casefold,
        "spaces or marks": lambda text: re.sub(r"[\W_]+", "", text),
        "leading zeros": lambda text: re.sub(r"0*(\d+)", r"\1", text),
    }
    if first == second:
        return "which is for another photo of the same name"

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
    return plain_name(name).rsplit(".", 1)[0]


def _numbers(stem: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", stem)]
