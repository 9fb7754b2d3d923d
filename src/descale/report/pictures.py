"""Worst and typical test photos: label, dense and pruned predictions side by side, as data URIs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from descale.base.classes import IGNORED, ClassTable
from descale.base.errors import DataError, DescaleError
from descale.data import Dataset, Sample, load_dataset
from descale.evaluation import ImageConfusions, imagewise_iou
from descale.report.cells import Cell, find, named
from descale.report.evidence import StudyTrials
from descale.report.looks import DENSE
from descale.report.painting import FALSE, HIT, MISS, PATTERNS, Mask, compared, data_uri, painted

logger = logging.getLogger(__name__)

PHOTOS_EACH = 2
STRATEGIES_SHOWN = 3


@dataclass(frozen=True)
class Tile:
    """One picture of a row: what it shows, as words and as a data URI."""

    caption: str
    description: str
    uri: str


@dataclass(frozen=True)
class Row:
    """One photo with everything that was said about it."""

    photo: str
    reason: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Key:
    """One entry of the legend: what a pattern and a colour stand for."""

    pattern: str
    colour: str
    meaning: str


@dataclass(frozen=True)
class Gallery:
    """Rows of pictures with their legend, or the reason why there are none."""

    rows: tuple[Row, ...]
    missing: str = ""
    keys: tuple[Key, ...] = ()


def gallery(shown: Cell, cells: Sequence[Cell], trials: StudyTrials) -> Gallery:
    """Pictures of the first seed of ``shown``, its dense parent and its rivals at the same sparsity.

    Args:
        shown: the configuration by which worst and typical are decided.
    """
    trial = shown.results[0].trial
    confusions, classes = trials.confusions(trial), trials.classes(trial)
    if confusions is None or classes is None:
        name = named(shown, cells)
        missing = "no per-image scores" if confusions is None else "no names of its classes"
        file = "confusions.csv" if confusions is None else "model/model.json"
        return Gallery((), f"{name} left {missing} (trials/{trial or '?'}/{file}).")
    try:
        samples = {sample.id: sample for sample in _dataset(trial, trials, confusions.ids).samples}
    except (DescaleError, OSError) as error:
        return Gallery((), f"the photos cannot be read. {error}")
    columns = _columns(shown, cells)
    dense = find(cells, shown, DENSE)
    chosen = _choose(confusions, classes, trials.confusions(dense.results[0].trial) if dense else None)
    rows, problems = [], []
    for index, reason in chosen:
        name = confusions.ids[index]
        try:
            rows.append(_row(samples[name], reason, columns, trials, classes))
        except KeyError:
            problems.append(f"{name} is no longer in the data set")
        except (DescaleError, OSError) as error:
            problems.append(str(error))
    for problem in problems:
        logger.warning("picture left out: %s", problem)
    if rows:
        return Gallery(tuple(rows), keys=_legend(classes))
    return Gallery((), "; ".join(problems) or "no test photo shows corrosion.")


def _columns(shown: Cell, cells: Sequence[Cell]) -> list[Cell]:
    """Dense parent, the configuration itself, and others of the same network and sparsity."""
    dense = find(cells, shown, DENSE)
    rivals = [
        cell
        for cell in cells
        if cell.network == shown.network
        and cell.sparsity == shown.sparsity
        and cell is not shown
        and not cell.control
        and not cell.dense
    ]
    columns = [cell for cell in (dense, shown) if cell is not None]
    if dense is not None and shown.dense:
        columns = [shown]
        pruned = [c for c in cells if c.network == shown.network and not c.dense and not c.control]
        most = max((c.sparsity for c in pruned), default=None)
        rivals = [c for c in pruned if c.sparsity == most]
    return [*columns, *rivals[: STRATEGIES_SHOWN - len(columns) + 1]]


def _legend(classes: ClassTable) -> tuple[Key, ...]:
    def css(colour: Sequence[int]) -> str:
        return f"rgb({', '.join(map(str, colour))})"

    if len(classes) > 2:
        names = list(zip(classes.names, classes.colours, strict=True))[1:]
        return tuple(Key(PATTERNS[i % 3], css(colour), name) for i, (name, colour) in enumerate(names))
    return (
        Key("solid", css(HIT), "found (solid)"),
        Key("striped", css(MISS), "missed (striped)"),
        Key("dotted", css(FALSE), "false alarm (dotted)"),
    )


def _choose(
    confusions: ImageConfusions, classes: ClassTable, dense: ImageConfusions | None
) -> list[tuple[int, str]]:
    """Index of each photo to show, with the reason; only photos with corrosion in the label."""
    iou = imagewise_iou(confusions, classes)
    corroded = confusions.truth[:, list(classes.corrosion_ids)].sum(axis=1) > 0
    known = np.flatnonzero(corroded & ~np.isnan(iou))
    if not known.size:
        return []
    chosen: dict[int, str] = {}
    if (
        dense is not None
        and dense.ids == confusions.ids
        and not np.array_equal(dense.counts, confusions.counts)
    ):
        lost = imagewise_iou(dense, classes) - iou
        for index in known[np.argsort(-lost[known], kind="stable")][:PHOTOS_EACH]:
            if lost[index] > 0:
                chosen[int(index)] = f"loses most by pruning ({100 * lost[index]:.0f} points)"
    for index in known[np.argsort(iou[known], kind="stable")]:
        if sum("worst" in reason for reason in chosen.values()) >= PHOTOS_EACH:
            break
        chosen.setdefault(int(index), f"among the worst (IoU {iou[index]:.2f})")
    middle = float(np.median(iou[known]))
    for index in known[np.argsort(np.abs(iou[known] - middle), kind="stable")]:
        if sum("typical" in reason for reason in chosen.values()) >= PHOTOS_EACH:
            break
        chosen.setdefault(int(index), f"typical (IoU {iou[index]:.2f}, the median is {middle:.2f})")
    return list(chosen.items())


def _row(
    sample: Sample, reason: str, columns: Sequence[Cell], trials: StudyTrials, classes: ClassTable
) -> Row:
    predictions = []
    for cell in columns:
        path = trials.path(cell.results[0].trial) / "masks" / f"{sample.id}.png"
        if path.is_file():
            predictions.append((cell, np.asarray(Image.open(path))))
    if not predictions:
        raise FileNotFoundError(f"no predicted mask of {sample.id} was kept")
    height, width = predictions[0][1].shape
    photo = np.asarray(Image.fromarray(sample.read_image()).resize((width, height), Image.Resampling.BOX))
    truth = np.asarray(Image.fromarray(sample.read_mask()).resize((width, height), Image.Resampling.NEAREST))
    several = len(classes) > 2
    label = painted(photo, truth, classes) if several else compared(photo, truth, truth)
    share = 100 * np.isin(truth, classes.corrosion_ids).mean()
    tiles = [
        Tile("photo", f"Photo {sample.id}", data_uri(photo)),
        Tile("label", f"Label of {sample.id}: {share:.1f} % of the picture corroded", data_uri(label)),
    ]
    for cell, mask in predictions:
        answer = mask if mask.shape == truth.shape else np.zeros_like(truth)
        picture = painted(photo, answer, classes) if several else compared(photo, truth, answer)
        words = _described(truth, answer, classes)
        tiles.append(Tile(cell.title, f"{cell.title} on {sample.id}: {words}", data_uri(picture)))
    return Row(sample.id, reason, tuple(tiles))


def _described(truth: Mask, answer: Mask, classes: ClassTable) -> str:
    corroded = np.isin(truth, classes.corrosion_ids)
    said = np.isin(answer, classes.corrosion_ids) & (truth != IGNORED)
    found = 100 * (corroded & said).sum() / max(corroded.sum(), 1)
    union = (corroded | said).sum()
    iou = (corroded & said).sum() / union if union else 1.0
    false = 100 * (said & ~corroded).mean()
    return f"finds {found:.0f} % of the corrosion, false alarm on {false:.1f} % of the picture, IoU {iou:.2f}"


def _dataset(trial: str, trials: StudyTrials, photos: Sequence[str]) -> Dataset:
    """The data set that holds ``photos``: where the trial says, or one that the study generated itself.

    Raises:
        DataError: it is neither there nor here.
    """
    settings = (trials.settings(trial) or {}).get("source", {})
    told = [settings["source"]] if "source" in settings else []
    generated = sorted(path for path in (trials.folder / "data").glob("*") if path.is_dir())
    errors = []
    for place in [*told, *generated]:
        try:
            dataset = load_dataset(place, binary=bool(settings.get("binary", False)))
        except DataError as error:
            errors.append(str(error))
            continue
        if set(photos) <= {sample.id for sample in dataset.samples}:
            return dataset
        errors.append(f"{place} does not hold the test photos of this study.")
    raise DataError(" ".join(errors) or "Nothing tells where they are.")
