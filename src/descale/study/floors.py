"""The colour floor of a data set, fitted once for a study and kept beside its trials."""

from __future__ import annotations

from pathlib import Path

from descale.data import Dataset
from descale.evaluation import ImageConfusions, read_confusions, write_confusions
from descale.evaluation.evaluate import colour_floor_confusions, fit_colour_floor
from descale.study.trial import Trial


def colour_floor(trial: Trial, dataset: Dataset, folder: Path) -> dict[str, ImageConfusions]:
    """Confusions of the colour threshold on the validation and test split, fitted at the trial's input size.

    Two processes may compute the same floor at once: it is the same, and written atomically.
    """
    height, width = trial.training.size
    binary = "-binary" if trial.data.binary else ""
    fold = f"-without-{trial.fold}" if trial.fold else ""
    path = folder / f"{trial.fingerprint[:16]}{binary}{fold}-{height}x{width}.csv"
    if not path.exists():
        threshold = fit_colour_floor(dataset, (height, width))
        folder.mkdir(parents=True, exist_ok=True)
        write_confusions(
            path,
            {
                split: colour_floor_confusions(threshold, dataset.split(split), dataset.classes)
                for split in ("valid", "test")
            },
        )
    return read_confusions(path)
