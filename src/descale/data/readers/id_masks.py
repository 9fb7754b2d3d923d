"""Id masks: the value of a pixel is its class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from descale.base.errors import DataError
from descale.data.description import Description
from descale.data.folders import Listing
from descale.data.problems import UnknownClass
from descale.data.readers.mask_files import list_mask_files, read_mask_file, value_counts
from descale.data.sample import Mask


@dataclass(frozen=True)
class IdMask:
    """A mask file and what its values mean.

    Attributes:
        values: pairs (value in the file, class id); the same for all files of a set.
        named: the description says what the values mean, so several of them may mean one class;
            else 1 and 255 in one file are a contradiction.
    """

    path: Path
    values: tuple[tuple[int, int], ...]
    named: bool = False

    def read(self, size: tuple[int, int]) -> Mask:
        """Class ids, uint8 of shape ``size``.

        Raises:
            DataError: missing, broken, of another size, more than one channel, a value without a
                meaning, or two encodings of one class in one file.
        """
        raw = read_mask_file(self.path, size)
        if raw.ndim == 3:
            if raw.shape[2] == 2 or not (raw[..., :1] == raw[..., 1:]).all():
                raise DataError(
                    f"{self.path}: a colour picture, where every pixel should be a class id. "
                    "Describe the set with 'format: colour-masks' and a palette."
                )
            raw = raw[..., 0]
        if raw.dtype != np.uint8 and raw.max(initial=0) > 255:
            raise UnknownClass(f"{self.path}: value {raw.max()} is outside 0..255. Export an 8-bit mask.")
        stored = raw.astype(np.uint8)
        histogram = value_counts(stored)
        present = np.flatnonzero(histogram)
        known = dict(self.values)
        strange = [int(value) for value in present if int(value) not in known]
        if strange:
            raise UnknownClass(
                f"{self.path}: {_values(strange)} outside the class table "
                f"(legal: {', '.join(map(str, sorted(known)))}; {histogram[strange].sum()} pixels). "
                "Add the class to the table in dataset.yaml, or mend the mask."
            )
        meanings = [known[int(value)] for value in present]
        if not self.named and len(set(meanings)) != len(meanings):
            raise UnknownClass(
                f"{self.path}: values {', '.join(str(int(v)) for v in present)} "
                "use two encodings of one class. Use either 0/1 or 0/255."
            )
        lookup = np.zeros(256, dtype=np.uint8)
        for value, class_id in self.values:
            lookup[value] = class_id
        return lookup[stored]


def read_id_masks(description: Description, root: Path) -> Listing:
    """Pairs of an id-mask set.

    Raises:
        DataError: folders are missing, or ``label_names`` maps something that is no pixel value.
    """
    values, named = mask_values(description), bool(description.label_names)
    return list_mask_files(
        root, description.images, description.labels, lambda path: IdMask(path, values, named)
    )


def mask_values(description: Description) -> tuple[tuple[int, int], ...]:
    """Which pixel value is which class, decided from the class table alone.

    Value i is class i. With two classes 255 is class 1 as well, so that 0/1 and 0/255 are both
    legal. ``label_names`` in the description overrules this.

    Raises:
        DataError: a key of ``label_names`` is not a number 0..255.
    """
    if description.label_names:
        pairs = []
        for key, name in description.label_names.items():
            if not key.isdecimal() or int(key) > 255:
                raise DataError(
                    f"label_names: '{key}' is not a pixel value. "
                    "Write numbers 0..255, for example 255: corrosion."
                )
            pairs.append((int(key), description.class_id(name)))
        return tuple(pairs)
    count = len(description.classes)
    identity = tuple((i, i) for i in range(count))
    return (*identity, (255, 1)) if count == 2 else identity


def _values(values: list[int]) -> str:
    shown = ", ".join(map(str, values[:6])) + (", ..." if len(values) > 6 else "")
    return f"value {shown} is" if len(values) == 1 else f"values {shown} are"
