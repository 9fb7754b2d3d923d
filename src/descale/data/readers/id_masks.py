"""Id masks: the value of a pixel is its class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.base.classes import IGNORED, Colour
from descale.base.errors import DataError
from descale.data.description import NO_NUMBERS, Description
from descale.data.folders import Listing
from descale.data.problems import UnknownClass
from descale.data.readers.mask_files import StoredMask, list_mask_files, read_stored, value_counts
from descale.data.sample import Notes, Reading

Value = int | str
"""A number in a mask, or one of the words for what is none (:data:`NO_NUMBERS`)."""

BLACK, WHITE = 50, 205
"""Grey levels up to and from which a colour of a palette is black or white to the eye."""


@dataclass(frozen=True)
class IdMask:
    """A mask file and what its values mean.

    Attributes:
        values: pairs (value in the file, class id); the same for all files of a set.
        named: the description says what the values mean, so several of them may mean one class;
            else 1 and 255 in one file are a contradiction.
        colours: of the classes, where the description gives them.
        classes: their names, for messages.
    """

    path: Path
    values: tuple[tuple[Value, int], ...]
    named: bool = False
    colours: tuple[Colour | None, ...] = ()
    classes: tuple[str, ...] = ()

    def read(self, size: tuple[int, int]) -> Reading:
        """The mask of a photo of ``size`` = (height, width).

        Raises:
            DataError: missing, broken, of another size, more than one channel, a value without a
                meaning, or two encodings of one class in one file.
        """
        stored = read_stored(self.path, size)
        known = dict(self.values)
        values, present = self._numbers(stored, known)
        strange = {value: count for value, count in present.items() if value not in known}
        if strange:
            raise UnknownClass(self._complaint(strange, known, present))
        meanings = [known[value] for value in present]
        if not self.named and len(set(meanings) - {IGNORED}) != sum(id != IGNORED for id in meanings):
            raise UnknownClass(
                f"{self.path}: values {', '.join(map(str, present))} use two encodings of one class. Use "
                "either 0/1 or 0/255; if 255 marks pixels without a label, write 'ignore: 255' in "
                "dataset.yaml."
            )
        ids = np.zeros(values.shape, dtype=np.uint8)
        if values.dtype == np.uint8:
            lookup = np.zeros(256, dtype=np.uint8)
            for value in present:
                lookup[int(value)] = known[value]
            ids = lookup[values]
        else:
            for value in present:
                ids[_equal(values, value)] = known[value]
        return Reading(ids, Notes(stored=tuple(present), remarks=self._remarks(stored, known)))

    def _numbers(
        self, stored: StoredMask, known: Mapping[Value, int]
    ) -> tuple[NDArray[Any], dict[Value, int]]:
        """One channel of whole numbers, and how often each occurs."""
        values = stored.values
        if values.ndim == 3:
            if values.shape[2] == 2 or not (values[..., :1] == values[..., 1:]).all():
                raise DataError(
                    f"{self.path}: a colour picture, where every pixel should be a class id. "
                    "Describe the set with 'format: colour-masks' and a palette."
                )
            values = values[..., 0]
        if values.dtype.kind == "f":
            broken = np.isfinite(values) & (values != np.rint(values))
            if broken.any():
                raise UnknownClass(
                    f"{self.path}: {broken.sum()} pixels are no whole numbers (the largest: "
                    f"{values[broken].max()!s}). If they are probabilities, decide first (say, 0.5 and more "
                    "is 1) and save class ids."
                )
        present = _counted(values)
        # A picture of nothing but black and white is read as it looks, whatever the numbers behind it;
        # class ids are read as they are stored.
        black_and_white = present.keys() <= {0, stored.white}
        if stored.inverted and black_and_white:
            values = np.where(values == 0, stored.white, 0).astype(np.uint8)
            present = _counted(values)
        if stored.white != 255 and black_and_white and not present.keys() <= known.keys():
            values = np.where(values == 0, 0, 255).astype(np.uint8)
            present = _counted(values)
        return values, present

    def _complaint(
        self, strange: Mapping[Value, int], known: Mapping[Value, int], present: Mapping[Value, int]
    ) -> str:
        shown = ", ".join(map(_spell, list(strange)[:6])) + (", ..." if len(strange) > 6 else "")
        marks = [_spell(value) for value in strange if isinstance(value, str) or not 0 < value < 255]
        remedy = "Add the class to the table in dataset.yaml, or mend the mask."
        if len(marks) == len(strange):
            marked = marks[0] if len(marks) == 1 else f"[{', '.join(marks)}]"
            remedy = (
                f"If it marks pixels without a label, write 'ignore: {marked}' in dataset.yaml; "
                "else add the class to its table, or mend the mask."
            )
        (first, *more) = strange
        white = isinstance(first, int) and first > 255 and present.keys() <= {0, first}
        if white and not more and not self.named and len(self.classes) == 2:
            back, front = self.classes
            remedy = (
                f"If it is white and means {front}, write 'label_names: {{0: {back}, {shown}: {front}}}' in "
                f"dataset.yaml; if it marks pixels without a label, 'ignore: {shown}'."
            )
        return (
            f"{self.path}: {f'value {shown} is' if len(strange) == 1 else f'values {shown} are'} outside the "
            f"class table (legal: {', '.join(map(str, sorted(known, key=str)))}; {sum(strange.values())} "
            f"pixels). {remedy}"
        )

    def _remarks(self, stored: StoredMask, known: Mapping[Value, int]) -> tuple[tuple[str, str], ...]:
        """Whether the palette shows a person something else than the indices say."""
        if stored.palette is None:
            return ()
        greys = stored.palette @ np.array([0.299, 0.587, 0.114])
        inside = {value: id for value, id in known.items() if isinstance(value, int) and value < len(greys)}
        background = [greys[value] for value, id in inside.items() if id == 0]
        others = [greys[value] for value, id in inside.items() if id not in (0, IGNORED)]
        if background and others and min(background) >= WHITE and max(others) <= BLACK:
            return (("colours against indices", f"{self.path}: index 0 is shown white, the others black"),)
        for value, id in inside.items():
            colour = tuple(int(channel) for channel in stored.palette[value])
            if id < len(self.colours) and colour in self.colours and self.colours[id] not in (None, colour):
                meant = self.colours.index(colour)
                text = f"{self.path}: index {value} is class {id}, shown in the colour of class {meant}"
                return (("colours against indices", text),)
        return ()


def read_id_masks(description: Description, root: Path) -> Listing:
    """Pairs of an id-mask set.

    Raises:
        DataError: folders are missing, or ``label_names`` maps something that is no pixel value.
    """
    values, named = mask_values(description), bool(description.label_names)
    table = description.table.names
    given = {entry.name: entry.colour for entry in description.classes}
    colours = tuple(given[name] for name in table)
    return list_mask_files(
        root, description.images, description.labels, lambda path: IdMask(path, values, named, colours, table)
    )


def mask_values(description: Description) -> tuple[tuple[Value, int], ...]:
    """Which pixel value is which class, decided from the class table alone.

    Value i is the i-th class. With two classes 255 is class 1 as well, so that 0/1 and 0/255 are both
    legal. ``label_names`` in the description overrules this, and ``ignore`` both.

    Raises:
        DataError: a key of ``label_names`` is not a whole number.
    """
    marks = [value for value in description.ignore if isinstance(value, int) or value in NO_NUMBERS]
    known: dict[Value, int] = {}
    if description.label_names:
        for key, name in description.label_names.items():
            if not key.removeprefix("-").isdecimal():
                raise DataError(
                    f"label_names: '{key}' is not a pixel value. "
                    "Write whole numbers, for example 255: corrosion."
                )
            known[int(key)] = description.class_id(name)
    else:
        known = {i: description.class_id(entry.name) for i, entry in enumerate(description.classes)}
        if len(description.table) == 2:
            known.setdefault(255, 1)
    return tuple((known | dict.fromkeys(marks, IGNORED)).items())


def _counted(values: NDArray[Any]) -> dict[Value, int]:
    """Each number of a mask and its pixels, in ascending order."""
    if values.dtype == np.uint8:
        histogram = value_counts(values)
        return {int(value): int(histogram[value]) for value in np.flatnonzero(histogram)}
    numbers, counts = np.unique(values, return_counts=True)
    return {_named(number): int(count) for number, count in zip(numbers, counts, strict=True)}


def _named(number: np.number[Any]) -> Value:
    """As a description would have it: the smallest float32 in its written digits, -3.4028235e+38."""
    written = float(str(number))
    return int(written) if np.isfinite(written) else str(written)


def _equal(values: NDArray[Any], value: Value) -> NDArray[np.bool_]:
    if value == "nan":
        return np.isnan(values)
    return np.asarray(values == values.dtype.type(float(value) if values.dtype.kind == "f" else value))


def _spell(value: Value) -> str:
    """As YAML reads it."""
    if isinstance(value, str):
        return value.replace("nan", ".nan").replace("inf", ".inf")
    written = str(value) if abs(value) < 2**53 else str(float(value))
    return written if "." in written else written.replace("e", ".0e")
