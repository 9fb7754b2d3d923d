"""Score a saved model on a split, beside what it must beat and what it costs."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from descale.base.classes import BINARY
from descale.base.errors import ConfigError
from descale.base.files import replacing_file
from descale.data import load_dataset
from descale.evaluation.evaluate import colour_floor_confusions, fit_colour_floor, image_confusions
from descale.evaluation.metrics import METRICS, Scores, imagewise_iou
from descale.evaluation.summary import Summary, summarise
from descale.models import ModelSpec, count_macs, count_parameters, keep_metrics, load_model, weights_bytes


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
        ConfigError: data and model have other classes, or no photo is in the split.
        DataError: the data set, a photo or a label cannot be read.
        ModelError: the model's folder is missing or damaged.

    >>> import descale                                                  # doctest: +SKIP
    >>> evaluation = descale.evaluate("runs/small/model", "photos")     # doctest: +SKIP
    >>> 0 <= evaluation.scores.iou_corrosion <= 1                       # doctest: +SKIP
    True
    """
    folder = Path(model)
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
            shown = "" if iou != iou else f"{iou:.6f}"  # empty: no corrosion, and none predicted
            writer.writerow([name, group, shown, f"{micro:.6f}", *counts.ravel().tolist()])
