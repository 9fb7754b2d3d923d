"""Score a model: on a split, beside what it must beat and what it costs; on photos without corrosion."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from descale.base.classes import BINARY
from descale.base.errors import ConfigError
from descale.base.files import replacing_file
from descale.base.photo import read_photo
from descale.data import load_dataset
from descale.evaluation.clean_photos import CleanPhotos, find_clean_photos
from descale.evaluation.evaluate import (
    colour_floor_confusions,
    fit_colour_floor,
    image_confusions,
    segment_photo,
)
from descale.evaluation.false_alarms import KEPT, FalseAlarms, count_false_alarms
from descale.evaluation.metrics import METRICS, Scores, imagewise_iou
from descale.evaluation.summary import Summary, summarise
from descale.models import (
    ModelSpec,
    SavedModel,
    count_macs,
    count_parameters,
    keep_metrics,
    load_model,
    weights_bytes,
)
from descale.runtime.bundle import is_bundle
from descale.runtime.segmenter import Segmenter


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good a model is on one split.

    Attributes:
        model: its folder.
        spec: what kind of network it is.
        dataset: name of the data set; ``fingerprint`` is that of its content.
        split: ``train``, ``valid`` or ``test``.
        summary: scores 0..1 with their 95 % intervals, beside the floors; confusions photo by photo.
        costs: ``input_size`` (height, width) in pixels, ``params``, ``macs`` of one photo of that size,
            ``size_bytes`` of the weights.
    """

    model: Path
    spec: ModelSpec
    dataset: str
    fingerprint: str
    split: str
    summary: Summary
    costs: Mapping[str, Any]

    @property
    def scores(self) -> Scores:
        """The model's scores, 0..1."""
        return self.summary.scores

    def to_json(self) -> dict[str, Any]:
        """Plain values; a score that is not defined is ``None``."""
        return {
            "model": str(self.model),
            "data": self.dataset,
            "data_fingerprint": self.fingerprint,
            "split": self.split,
            "costs": dict(self.costs),
            **self.summary.to_json(),
        }


def evaluate(
    model: str | Path, data: str | Path, *, split: str = "test", keep_scores: bool = False
) -> Evaluation:
    """Score a model on one split, with 95 % intervals and the two floors it must clear.

    The network sees photos at its input size; scores are of the photo's own pixels, against its own label.

    Args:
        model: its folder, as :func:`descale.train` and :func:`descale.prune` return it.
        data: a data set as for :func:`descale.load_dataset`, with the classes that the model was trained on.
        split: ``train``, ``valid`` or ``test``.
        keep_scores: keep them with the model, for its card when it is exported.

    Raises:
        ConfigError: data and model have other classes, no photo is in the split, or the model is a bundle.
        DataError: the data set, a photo or a label cannot be read.
        ModelError: the model's folder is missing or damaged.

    >>> import descale                                                  # doctest: +SKIP
    >>> evaluation = descale.evaluate("runs/small/model", "photos")     # doctest: +SKIP
    >>> 0 <= evaluation.scores.iou_corrosion <= 1                       # doctest: +SKIP
    True
    """
    folder = Path(model)
    if is_bundle(folder):
        raise ConfigError(
            f"{folder} is a bundle, which is scored on photos without corrosion only. Name the model folder "
            "that it was exported from."
        )
    saved = load_model(folder)
    spec = saved.spec
    dataset = load_dataset(data, binary=spec.classes == BINARY)
    if dataset.classes.names != spec.classes.names:
        raise ConfigError(
            f"{model} knows the classes {', '.join(spec.classes.names)}; {data} has "
            f"{', '.join(dataset.classes.names)}. Evaluate on data with the classes it was trained on."
        )
    samples = dataset.split(split)
    if not samples:
        raise ConfigError(f"{data} has no photo in the split '{split}'. Choose another split.")
    colour = None
    if dataset.split("train"):
        threshold = fit_colour_floor(dataset, spec.input_size)
        colour = colour_floor_confusions(threshold, samples, dataset.classes)
    summary = summarise(image_confusions(saved, samples), dataset.classes, colour=colour)
    costs = {
        "input_size": list(spec.input_size),
        "params": count_parameters(saved.network),
        "macs": count_macs(saved.network, spec.input_size),
        "size_bytes": weights_bytes(folder),
    }
    if keep_scores:
        own = saved.provenance.get("dataset_fingerprint") in (None, dataset.fingerprint())
        keep_metrics(folder, {split if own else f"{split} of {dataset.name}": summary.to_json()})
    return Evaluation(folder, spec, dataset.name, dataset.fingerprint(), split, summary, costs)


def false_alarms(model: str | Path, photos: str | Path, *, keep_scores: bool = False) -> FalseAlarms:
    """Count the false alarms of a model on photos that show no corrosion.

    A model folder sees photos as :func:`evaluate` shows them, at its input size; a bundle as ``descale
    predict`` shows them, in their own proportions and in tiles.

    Args:
        model: a model folder, or a bundle (folder or zip file).
        photos: a folder of photos without corrosion, searched to any depth.
        keep_scores: keep the figures with the model, for its card when it is exported.

    Raises:
        BundleError: the bundle cannot be opened, or no engine runs it.
        ConfigError: figures shall be kept with a bundle.
        DataError: there is no such folder, no photo in it can be read, or it is a labelled data set.
        ModelError: the model's folder is missing or damaged.
    """
    clean, place = find_clean_photos(photos), Path(model)
    if is_bundle(place):
        if keep_scores:
            raise ConfigError(
                f"{place} is a bundle, whose card is written. Keep scores with the model folder, and export "
                "again."
            )
        segmenter = Segmenter.from_bundle(place)
        return count_false_alarms(clean, lambda photo: segmenter(photo).corrosion())
    found = model_false_alarms(load_model(place), clean)
    if keep_scores:
        keep_metrics(place, {KEPT: found.to_json()})
    return found


def model_false_alarms(
    model: SavedModel, clean: CleanPhotos, *, device: torch.device | None = None
) -> FalseAlarms:
    """False alarms of a loaded model, which is on the CPU again afterwards.

    Args:
        device: where the network runs; the CPU if none is given.

    Raises:
        DataError: no photo can be read.
    """
    model.network.to(device or torch.device("cpu")).eval()

    def corroded(photo: Path) -> NDArray[np.bool_]:
        return np.isin(segment_photo(model, read_photo(photo), device), model.spec.classes.corrosion_ids)

    try:
        return count_false_alarms(clean, corroded)
    finally:
        model.network.to("cpu")


def write_per_image(path: Path, summary: Summary) -> None:
    """Write a CSV file with a row per photo: scores 0..1, and its pixels by true and predicted class."""
    confusions, classes = summary.confusions, summary.classes
    corrosion = imagewise_iou(confusions, classes)
    paper = METRICS["iou_paper"].compute(confusions.counts, classes.corrosion_ids)
    pairs = [f"{true} as {predicted}" for true in classes.names for predicted in classes.names]
    with (
        replacing_file(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["id", "group", "iou_corrosion", "iou_paper", *pairs])
        for row in zip(confusions.ids, confusions.groups, corrosion, paper, confusions.counts, strict=True):
            name, group, iou, micro, counts = row
            # empty: no corrosion and none predicted, or nothing labelled at all
            shown = ("" if value != value else f"{value:.6f}" for value in (iou, micro))
            writer.writerow([name, group, *shown, *counts.ravel().tolist()])
