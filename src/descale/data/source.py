"""From the words a person types (a folder, a description file, a preset) to a data set."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from descale.base.errors import DataError
from descale.base.home import expanded
from descale.data.description import Description, Format
from descale.data.description_file import read_description
from descale.data.folders import Listing, photos_in_subfolders, split_folders
from descale.data.layouts import SPLIT_FOLDERS, format_remedy, split_remedy
from descale.data.near_names import with_nearest
from descale.data.presets import PRESETS
from descale.data.readers import READERS
from descale.data.sample import SPLITS, Dataset, Sample, Split
from descale.data.splits import dealing, fill_remedy, scene_rule, split_of

logger = logging.getLogger(__name__)

DESCRIPTION_FILE = "dataset.yaml"
DESCRIPTION_FILES = (DESCRIPTION_FILE, "dataset.yml")


@dataclass(frozen=True)
class Source:
    """A description and the folder it is about.

    Attributes:
        description: as it was written, or made of what the folder looks like.
        root: the folder.
        described: a file or preset describes it; ``False`` where its form was told by its folders.
    """

    description: Description
    root: Path
    described: bool = True


def load_dataset(source: str | Path, *, binary: bool = False, regroup: bool = False) -> Dataset:
    """List a data set; no picture is decoded.

    Args:
        source: a folder (its ``dataset.yaml`` describes it; without one, ``{train,valid,test}/{images,
            masks}`` with id masks of two classes, 0 background and 1 or 255 corrosion), a description
            file, or a preset with its folder (``nea:/path``, ``sscs:/path``,
            ``sscs-colour:/path``).
        binary: merge the classes to "corrosion or not".
        regroup: tell scenes as of a set without splits, where numbered names stay together: for whoever
            divides the photos anew.

    Raises:
        DataError: nothing there, no photos, photos without a label, or a wrong description.

    >>> import descale                                          # doctest: +SKIP
    >>> dataset = descale.load_dataset("photos")                # doctest: +SKIP
    >>> dataset.classes.names, len(dataset.split("train"))      # doctest: +SKIP
    (('background', 'corrosion'), 28)
    """
    found = find_source(source)
    if not found.described:
        logger.info(
            "%s: no %s; read as %s with the classes %s",
            found.root, DESCRIPTION_FILE, found.description.format, ", ".join(found.description.table.names),
        )  # fmt: skip
    listing = list_source(found)
    if listing.unlabelled:
        shown = ", ".join(with_nearest(listing.unlabelled[:3], listing.orphans, listing.hints))
        total = len(listing.unlabelled) + len(listing.pairs)
        raise DataError(
            f"{found.root}: {len(listing.unlabelled)} of {total} photos have no label ({shown}). "
            f"{unlabelled_remedy(found, listing)}"
        )
    if listing.orphans:
        logger.warning(
            "%s: %d labels have no photo and are left out (%s)",
            found.root, len(listing.orphans), ", ".join(path.name for path in listing.orphans[:3]),
        )  # fmt: skip
    if listing.nested:
        logger.warning(
            "%s: %d photos lie in subfolders and are left out (%s); move them up, with their labels",
            found.root, len(listing.nested), ", ".join(str(path) for path in listing.nested[:3]),
        )  # fmt: skip
    dataset = make_dataset(found, listing, regroup=regroup)
    if not dataset.samples:
        raise DataError(f"{found.root}: there are no photos. Check the path and the layout (docs/data.md).")
    empty = [name for name in SPLITS if not dataset.split(name)]
    dealt = is_dealt(listing)
    for name in empty:
        remedy = empty_remedy(found, dataset, name, dealt=dealt)
        if name == "train":
            raise DataError(f"{found.root}: no photo is in the split 'train'. {remedy}")
        logger.warning("%s: no photo is in the split '%s'. %s", found.root, name, remedy)
    if dealt:
        logger.info("%s: %s", found.root, dealing(dataset, scene_rule(found.description, dealt=True)))
    return dataset.merged_to_binary() if binary else dataset


def find_source(source: str | Path) -> Source:
    """Resolve what was typed to a description and a folder.

    Raises:
        DataError: no such folder or file, an unknown preset, or a wrong description.
    """
    text = str(source)
    preset, colon, place = text.partition(":")
    if colon and not Path(text).exists() and len(preset) > 1:
        if preset not in PRESETS:
            raise DataError(f"'{preset}' is not a preset; known: {', '.join(PRESETS)}.")
        return Source(PRESETS[preset], _folder(expanded(place)))
    path = expanded(text)
    if path.suffix.lower() in (".yaml", ".yml"):
        description = read_description(path)
        return Source(description, _folder(path.parent / description.root))
    _folder(path)
    described = [path / name for name in DESCRIPTION_FILES if (path / name).is_file()]
    if len(described) > 1:
        raise DataError(f"{path} holds {' and '.join(file.name for file in described)}: keep one of them.")
    if described:
        description = read_description(described[0])
        return Source(description, _folder(path / description.root))
    return Source(_undescribed(path), path, described=False)


def list_source(source: Source) -> Listing:
    """Pairs, unlabelled photos, orphaned labels and photos in subfolders of a set.

    Raises:
        DataError: folders or label files are missing or broken.
    """
    description = source.description
    listing = READERS[description.format](description, source.root)
    return replace(listing, nested=photos_in_subfolders(source.root, description.images, description.labels))


def is_dealt(listing: Listing) -> bool:
    """Whether the set came without splits."""
    return any(pair.split is None for pair in listing.pairs)


def unlabelled_remedy(source: Source, listing: Listing) -> str:
    """What to do about photos without a label; where none has one, the format may be another."""
    description = source.description
    if description.format in ("id-masks", "colour-masks") and not listing.pairs:
        for _, _, name in split_folders(source.root, description.images):
            if remedy := format_remedy(source.root / description.labels.format(split=name)):
                return remedy
    return "Add the labels, or move these photos elsewhere."


def empty_remedy(source: Source, dataset: Dataset, split: Split, *, dealt: bool) -> str:
    """What to do about a split without photos: another seed, a folder's right name, or photos."""
    description = source.description
    if dealt and len(dataset):
        return fill_remedy(dataset, description.splits)
    return split_remedy(source.root, description.images, split)


def make_dataset(source: Source, listing: Listing, *, regroup: bool = False) -> Dataset:
    """Give every pair its id, scene and split.

    An id is the file name without ending; where two photos share it, the split is put before it. Scenes are
    told more warily where splits were not given, or are disregarded (``regroup``).

    Raises:
        DataError: the rule for scenes does not fit a file name.
    """
    description = source.description
    repeated = {stem for stem, count in Counter(pair.stem for pair in listing.pairs).items() if count > 1}
    rule = scene_rule(description, dealt=regroup or is_dealt(listing))
    samples = []
    for pair, group in zip(listing.pairs, rule.scenes([p.stem for p in listing.pairs]), strict=True):
        split = pair.split or split_of(group, description.splits)
        name = f"{split}.{pair.stem}" if pair.stem in repeated else pair.stem
        if pair.split and description.groups is None and group == pair.stem:
            group = name  # numbers that begin anew in every split are no scene; copies are told by content
        samples.append(Sample(name, split, pair.image, pair.label, group))
    samples.sort(key=lambda sample: (SPLITS.index(sample.split), sample.id))
    return Dataset(description.name, description.table, tuple(samples))


def _undescribed(path: Path) -> Description:
    """Description of a folder that has none: binary, the format told by the marks of a platform's export."""
    layouts: tuple[Format, ...] = ("coco", "yolo")
    marks = {"coco": lambda split: path / split / "_annotations.coco.json",
             "yolo": lambda split: path / split / "labels"}  # fmt: skip
    form: Format = "id-masks"
    for candidate in layouts:
        if any(marks[candidate](split).exists() for split in SPLIT_FOLDERS):
            form = candidate
            break
    return Description(name=path.resolve().name, format=form)


def _folder(path: Path) -> Path:
    if not path.is_dir():
        kind = "a file, not a folder" if path.is_file() else "no such folder"
        raise DataError(f"{path}: {kind}. Name a data set's folder or its description (.yaml).")
    return path
