"""Data sets that are read as published, without a description file."""

from __future__ import annotations

from descale.data.description import ClassEntry, Description

NEA = Description(
    name="nea",
    format="id-masks",
    classes=(
        ClassEntry(name="background", colour=(0, 0, 0)),
        ClassEntry(name="corrosion 1", colour=(224, 82, 32), corrosion=True, metal=True),
        ClassEntry(name="corrosion 2", colour=(240, 170, 40), corrosion=True, metal=True),
    ),
)
"""Rusty steel walls, frames of a video, 3 classes; classes 1 and 2 both count as corrosion."""

SSCS = Description(
    name="sscs",
    format="id-masks",
    classes=(
        ClassEntry(name="good", colour=(0, 0, 0)),
        ClassEntry(name="fair", colour=(128, 0, 0), corrosion=True, metal=True),
        ClassEntry(name="poor", colour=(0, 128, 0), corrosion=True, metal=True),
        ClassEntry(name="severe", colour=(128, 128, 0), corrosion=True, metal=True),
    ),
)
"""The Virginia Tech Corrosion Condition State set (Bianchi & Hebdon), 4 classes, colours in RGB."""

SSCS_COLOUR = Description(name="sscs", format="colour-masks", classes=SSCS.classes)
"""The same set with the masks that are published as colours; the palette is that of its classes."""

PRESETS: dict[str, Description] = {"nea": NEA, "sscs": SSCS, "sscs-colour": SSCS_COLOUR}
