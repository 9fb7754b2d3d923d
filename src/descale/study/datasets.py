"""Data sets of a study: listed, generated or checked once per process, folds cut out of them."""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from pathlib import Path

from rich.progress import Progress

from descale.base.claims import exclusive
from descale.base.errors import StudyError
from descale.base.files import write_json
from descale.data import Dataset, load_dataset
from descale.data.check import check_dataset
from descale.data.check.leaks import COPIES_WITHIN_A_SPLIT
from descale.evaluation.clean_photos import CleanPhotos, find_clean_photos
from descale.study.config import StudyData, Synthesis
from descale.study.folds import hold_out
from descale.study.trial import DataDescription, Trial
from descale.study.watch import CONSOLE

logger = logging.getLogger(__name__)


def describe_data(data: StudyData, root: Path) -> DataDescription:
    """Name, fingerprints and photos of a data set; an embedded one is generated under ``root``.

    Raises:
        DataError: it cannot be read.
        StudyError: it has no test split, or problems that would falsify the results.
    """
    clean = None if data.clean is None else find_clean_photos(data.clean)
    dataset = dataset_of(data, root)
    if not data.leave_one_out:
        for split in ("train", "valid", "test"):
            if not dataset.split(split):
                raise StudyError(
                    f"Data set {dataset.name} has no photo in the split '{split}'. Add some, or (with few "
                    "photos) write 'leave_one_out: true' in the study."
                )
    refuse_falsifying(data, dataset.fingerprint(), root)
    photos = tuple(sorted(sample.id for sample in dataset.samples)) if data.leave_one_out else ()
    return DataDescription(
        data.name or dataset.name,
        dataset.fingerprint(),
        photos,
        clean=None if clean is None else clean.fingerprint(),
        classes=dataset.classes,
    )


@lru_cache(maxsize=64)
def dataset_of(data: StudyData, root: Path) -> Dataset:
    """The data set as the study wants it, all photos in it.

    Where each is held out in turn, the splits it came with do not count, nor what they say about scenes.
    """
    source = data.source if data.source is not None else str(_generated(data.synthesize, root))
    return load_dataset(source, binary=data.binary, regroup=data.leave_one_out)


def refuse_falsifying(data: StudyData, fingerprint: str, root: Path) -> None:
    """Check a data set once per content, and stop at problems that would falsify results.

    Where photos are held out in turn, copies in one split count too. Problems whose kind is listed under
    ``accept`` are logged and gone on with.

    Raises:
        StudyError: there are others.
    """
    path = root / "data" / f"check-{fingerprint[:16]}.json"
    if data.source is None:
        return
    if not path.exists():
        with _progress() as progress:
            bar = progress.add_task("checking photos and labels", total=None)
            report = check_dataset(
                data.source,
                binary=data.binary,
                progress=lambda done, total: progress.update(bar, completed=done, total=total),
            )
        write_json(path, report.to_json())
    found = [
        entry
        for entry in json.loads(path.read_text(encoding="utf-8"))["findings"]
        if entry["falsifying"] or (data.leave_one_out and entry["kind"] in COPIES_WITHIN_A_SPLIT)
    ]
    for entry in found:
        logger.warning("%s: %s: %s", data.source, entry["kind"], entry["message"])
    kinds = [entry["kind"] for entry in found if entry["kind"] not in data.accept]
    if kinds:
        raise StudyError(
            f"{data.source}: {'; '.join(kinds)}. Results on this set could not be trusted; {path} lists the "
            f"places. Correct them, or write 'accept: [{', '.join(kinds)}]' beside the data set in the study."
        )


def dataset_of_trial(trial: Trial, root: Path) -> Dataset:
    """The data set of one trial: a fold of it where photos are held out in turn.

    Raises:
        StudyError: the files changed since the study was planned.
    """
    dataset = dataset_of(trial.data, root)
    if dataset.fingerprint() != trial.fingerprint:
        raise StudyError(
            f"Data set {trial.dataset} changed while the study ran. Start again; its trials become new ones."
        )
    return hold_out(dataset, trial.fold) if trial.fold is not None else dataset


def clean_photos_of(trial: Trial) -> CleanPhotos | None:
    """The photos without corrosion of one trial, if its study names some.

    Raises:
        DataError: they are gone.
        StudyError: the files changed since the study was planned.
    """
    if trial.data.clean is None:
        return None
    clean = find_clean_photos(trial.data.clean)
    if clean.fingerprint() != trial.clean:
        raise StudyError(
            f"The photos without corrosion in {clean.folder} changed while the study ran. Start again; its "
            "trials become new ones."
        )
    return clean


def _generated(wanted: Synthesis | None, root: Path) -> Path:
    if wanted is None:
        raise StudyError("A data set needs 'source' or 'synthesize'.")
    from descale.synthesize import synthesize

    height, width = wanted.size
    name = f"embedded-{wanted.classes}-classes-{wanted.count}-photos-{height}x{width}-seed-{wanted.seed}"
    folder = root / "data" / name
    with exclusive(root / "locks" / "data.lock"):
        if not folder.exists():
            with _progress() as progress:
                bar = progress.add_task("drawing pictures", total=wanted.count)
                synthesize(
                    folder,
                    count=wanted.count,
                    classes=wanted.classes,
                    seed=wanted.seed,
                    size=wanted.size,
                    progress=lambda done: progress.update(bar, completed=done),
                )
    return folder


def _progress() -> Progress:
    return Progress(console=CONSOLE, transient=True)
