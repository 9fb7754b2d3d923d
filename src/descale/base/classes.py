"""The class table: what each pixel value means, its colour, and whether it is corrosion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Colour = tuple[int, int, int]

IGNORED = 255
"""Id of pixels without a label: neither trained on nor scored. No class table reaches it."""


@dataclass(frozen=True)
class PixelClass:
    """One class of pixels.

    Attributes:
        name: what a person calls it.
        colour: RGB, 0..255, used in colour masks and overlays.
        corrosion: counts towards the headline metrics and the corroded area.
        metal: is part of the steel surface (corrosion always is); ``None`` if the set does not tell.
    """

    name: str
    colour: Colour
    corrosion: bool = False
    metal: bool | None = None


@dataclass(frozen=True)
class ClassTable:
    """Classes by id: position in ``classes`` is the pixel value in an id mask, 0 is background.

    >>> BINARY.names
    ('background', 'corrosion')
    >>> BINARY.corrosion_ids
    (1,)
    """

    classes: tuple[PixelClass, ...]

    def __post_init__(self) -> None:
        names = [entry.name for entry in self.classes]
        if len(self.classes) < 2:
            raise ValueError("a class table needs at least two classes")
        if len(self.classes) > IGNORED:
            raise ValueError(f"at most {IGNORED} classes fit an 8-bit mask")
        for entry in self.classes:
            if not all(0 <= value <= 255 for value in entry.colour):
                raise ValueError(
                    f"the colour {entry.colour} of class '{entry.name}' is not RGB, 0 to 255 each"
                )
        if len(set(names)) != len(names):
            raise ValueError(f"class names repeat: {', '.join(names)}")
        if not any(entry.corrosion for entry in self.classes):
            raise ValueError("a class table needs at least one class marked as corrosion")

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self.classes)

    @property
    def colours(self) -> tuple[Colour, ...]:
        return tuple(entry.colour for entry in self.classes)

    @property
    def corrosion_ids(self) -> tuple[int, ...]:
        """Ids of the classes that count as corrosion, ascending."""
        return tuple(i for i, entry in enumerate(self.classes) if entry.corrosion)

    def to_json(self) -> list[dict[str, Any]]:
        """The table as plain lists and dictionaries, for ``model.json`` and ``bundle.json``."""
        return [
            {"name": c.name, "colour": list(c.colour), "corrosion": c.corrosion, "metal": c.metal}
            for c in self.classes
        ]

    @classmethod
    def from_json(cls, entries: Sequence[Mapping[str, Any]]) -> ClassTable:
        """Inverse of :meth:`to_json`.

        Raises:
            ValueError: an entry lacks a key or has a value of the wrong kind.
        """
        classes = []
        for entry in entries:
            try:
                red, green, blue = (int(value) for value in entry["colour"])
                classes.append(
                    PixelClass(
                        str(entry["name"]), (red, green, blue), bool(entry["corrosion"]), entry.get("metal")
                    )
                )
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"class entry {dict(entry)!r} is not valid: {error}") from error
        return cls(tuple(classes))


BINARY = ClassTable(
    (PixelClass("background", (0, 0, 0)), PixelClass("corrosion", (224, 82, 32), corrosion=True, metal=True))
)
