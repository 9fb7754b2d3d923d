"""One photo with its label, and a data set of them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from descale.base.classes import BINARY, IGNORED, ClassTable
from descale.base.errors import DataError
from descale.base.fingerprint import content_hash
from descale.base.photo import photo_size, read_photo

Mask = NDArray[np.uint8]
Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True, eq=False)
class Notes:
    """What a label file tells a check of the whole set beside its mask.

    Attributes:
        reach: how far the outlines go to the right and down, as shares of the frame they are drawn in;
            ``None`` without outlines.
        farthest: the same in the file's own numbers, to guess their unit from.
        stored: the values that the file holds, if it is a mask.
        remarks: pairs of a kind (a key of :data:`descale.data.check.labels.REMARKS`) and a line for people.
    """

    reach: tuple[float, float] | None = None
    farthest: tuple[float, float] | None = None
    stored: tuple[int | str, ...] = ()
    remarks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Reading:
    """A label that was read: class ids, uint8 (H, W), 255 where it says nothing; and notes for the check."""

    mask: Mask
    notes: Notes = Notes()


class Label(Protocol):
    """Where the label of one photo is and how it becomes an id mask; one class per format."""

    @property
    def path(self) -> Path:
        """The file that holds the label (COCO: shared by many photos)."""
        ...

    @property
    def values(self) -> tuple[tuple[int | str, int], ...]:
        """What the file says (pixel value, number or name) and which class id it means."""
        ...

    def read(self, size: tuple[int, int]) -> Reading:
        """The label of a photo that is ``size`` = (height, width) upright; so is the mask.

        Raises:
            DataError: missing or broken file, another size or unit, a class outside the table.
        """
        ...


@dataclass(frozen=True)
class MergedLabel:
    """A label whose class ids are replaced through a lookup table of all 256 of them."""

    label: Label
    lookup: tuple[int, ...]

    @property
    def path(self) -> Path:
        return self.label.path

    @property
    def values(self) -> tuple[tuple[int | str, int], ...]:
        return tuple((key, self.lookup[class_id]) for key, class_id in self.label.values)

    def read(self, size: tuple[int, int]) -> Reading:
        """The label, its ids replaced."""
        reading = self.label.read(size)
        return dataclasses.replace(reading, mask=np.asarray(self.lookup, dtype=np.uint8)[reading.mask])


@dataclass(frozen=True)
class Sample:
    """One labelled photo.

    Attributes:
        id: unique in its data set, fit for a file name.
        split: ``train``, ``valid`` or ``test``.
        image: the photo.
        label: the reference to its label.
        group: the scene; shots of one scene share it.
    """

    id: str
    split: Split
    image: Path
    label: Label
    group: str

    def read_image(self) -> NDArray[np.uint8]:
        """The photo, uint8 (H, W, 3), RGB.

        Raises:
            DataError: as :func:`descale.base.photo.read_photo`.
        """
        return read_photo(self.image)

    def read_mask(self) -> Mask:
        """The label as class ids, uint8 (H, W), of the photo's size; 255 where it says nothing.

        Raises:
            DataError: the label is missing, broken, of another size, or names an unknown class.
        """
        return self.label.read(photo_size(self.image)).mask

    def read(self) -> tuple[NDArray[np.uint8], Mask]:
        """Photo (H, W, 3) and label (H, W), of one size.

        Raises:
            DataError: as :meth:`read_image` and :meth:`read_mask`.
        """
        photo = self.read_image()
        return photo, self.label.read((photo.shape[0], photo.shape[1])).mask


@dataclass(frozen=True)
class Dataset:
    """Labelled photos, the classes of their pixels and the split of each."""

    name: str
    classes: ClassTable
    samples: tuple[Sample, ...]

    def __len__(self) -> int:
        return len(self.samples)

    def split(self, name: str) -> tuple[Sample, ...]:
        """The samples of one split, in the data set's order; may be empty.

        Raises:
            DataError: ``name`` is not one of train, valid, test.
        """
        if name not in SPLITS:
            raise DataError(f"There is no split '{name}'. Choose one of {', '.join(SPLITS)}.")
        return tuple(sample for sample in self.samples if sample.split == name)

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) over classes, ids, splits, groups and the content of every file.

        The place of the files does not enter. Hashes of unchanged files (path, size, time of
        change) are kept for the life of the process.
        """
        digest = hashlib.sha256(json.dumps(self.classes.to_json()).encode())
        for sample in sorted(self.samples, key=lambda s: s.id):
            row = (sample.id, sample.split, sample.group, sample.label.values)
            digest.update(json.dumps(row).encode())
            digest.update(content_hash(sample.image))
            digest.update(content_hash(sample.label.path))
        return digest.hexdigest()

    def merged_to_binary(self) -> Dataset:
        """The same photos with two classes: every class that counts as corrosion, and the rest.

        A set that already has the binary table is returned as it is.
        """
        if self.classes == BINARY:
            return self
        merged_ids = [int(entry.corrosion) for entry in self.classes.classes]
        lookup = (*merged_ids, *[IGNORED] * (256 - len(merged_ids)))
        merged = (
            dataclasses.replace(sample, label=MergedLabel(sample.label, lookup)) for sample in self.samples
        )
        return Dataset(self.name, BINARY, tuple(merged))

    def with_samples(self, samples: Iterable[Sample]) -> Dataset:
        """The same set with other samples (a subset, or other splits)."""
        return dataclasses.replace(self, samples=tuple(samples))
