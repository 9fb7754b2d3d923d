"""``descale evaluate``: how good a model is on one split, beside what a constant answer and colour reach."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from descale.evaluation import Summary

TITLES = {
    "iou_corrosion": "IoU of corrosion (headline)",
    "f1_corrosion": "F1 of corrosion",
    "iou_corrosion_union": "IoU, corroded or not",
    "iou_mean": "mean IoU, background included",
    "iou_paper": "paper's micro-imagewise IoU",
}


def evaluate(
    model: Annotated[Path, typer.Argument(help="Model folder (model.json and model.safetensors).")],
    data: Annotated[str, typer.Option(help="Data set: a folder, a description (.yaml), or nea:/sscs:PATH.")],
    split: Annotated[str, typer.Option(help="Which split: train, valid or test.")] = "test",
    json: Annotated[Path | None, typer.Option(help="Also write everything to this JSON file.")] = None,
    per_image: Annotated[
        Path | None, typer.Option(help="Also write a row per photo to this CSV file.")
    ] = None,
    keep_scores: Annotated[
        bool,
        typer.Option("--keep-scores", help="Keep the scores with the model, for its card when exported."),
    ] = False,
) -> None:
    """Score a model on one split, with 95 % intervals and the two floors it must clear.

    Photos and labels are resized to the model's input size.

    Example: `descale evaluate models/unet --data photos/ --split test --json scores.json`
    """
    from rich.console import Console

    from descale.base.classes import BINARY
    from descale.base.errors import ConfigError
    from descale.base.files import write_json
    from descale.data import load_dataset
    from descale.evaluation import summarise
    from descale.evaluation.evaluate import colour_floor_confusions, fit_colour_floor, image_confusions
    from descale.models import count_macs, count_parameters, keep_metrics, load_model, weights_bytes

    saved = load_model(model)
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
        colour = colour_floor_confusions(threshold, samples, spec.input_size, dataset.classes)
    summary = summarise(image_confusions(saved, samples), dataset.classes, colour=colour)
    costs = {
        "input_size": list(spec.input_size),
        "params": count_parameters(saved.network),
        "macs": count_macs(saved.network, spec.input_size),
        "size_bytes": weights_bytes(model),
    }
    if json is not None:
        write_json(
            json,
            {
                "model": str(model),
                "data": dataset.name,
                "data_fingerprint": dataset.fingerprint(),
                "split": split,
                "costs": costs,
                **summary.to_json(),
            },
        )
    if keep_scores:
        own = saved.provenance.get("dataset_fingerprint") in (None, dataset.fingerprint())
        keep_metrics(model, {split if own else f"{split} of {dataset.name}": summary.to_json()})
    if per_image is not None:
        _write_per_image(per_image, summary)
    console = Console()
    height, width = spec.input_size
    console.print(f"[bold]{model}[/]: {spec.architecture}/{spec.encoder} on {dataset.name}, split {split}")
    console.print(_score_table(summary))
    console.print(_confusion_table(summary))
    console.print(
        f"{costs['params']:,} parameters, {costs['macs']:,} MACs at {height}x{width}, "
        f"{costs['size_bytes']:,} bytes of weights",
        highlight=False,
    )
    for reason in summary.collapse.reasons:
        console.print(f"[bold red]collapsed:[/] {reason}")


def _score_table(summary: Summary) -> Table:
    from rich.table import Table

    scenes = next(iter(summary.intervals.values())).clusters
    unit = "photos" if scenes == len(summary.confusions) else f"photos of {scenes} scenes"
    table = Table(title=f"Scores over {len(summary.confusions)} {unit}", title_justify="left")
    table.add_column("score")
    for heading in ("model", "95 % interval", "best constant answer", "colour threshold"):
        table.add_column(heading, justify="right")
    for name, title in TITLES.items():
        if name == "iou_corrosion_union" and len(summary.classes.corrosion_ids) == 1:
            continue  # the same as the headline
        interval = summary.intervals[name]
        table.add_row(
            title,
            _shown(interval.estimate),
            f"{_shown(interval.low)} to {_shown(interval.high)}",
            _shown(summary.trivial[name]),
            _shown(getattr(summary.colour, name)) if summary.colour else "not fitted",
        )
    for index, name in enumerate(summary.classes.names):
        colour = _shown(summary.colour.iou_by_class[index]) if summary.colour else "not fitted"
        table.add_row(f"IoU of {name}", _shown(summary.scores.iou_by_class[index]), "", "", colour)
    return table


def _confusion_table(summary: Summary) -> Table:
    from rich.table import Table

    table = Table(title="Pixels, in % of each true class", title_justify="left")
    table.add_column("true")
    for name in summary.classes.names:
        table.add_column(f"predicted {name}", justify="right")
    table.add_column("pixels", justify="right")
    for name, row in zip(summary.classes.names, summary.confusions.total.tolist(), strict=True):
        pixels = sum(row)
        shares = [f"{100 * count / pixels:.1f}" if pixels else "-" for count in row]
        table.add_row(name, *shares, f"{pixels:,}")
    return table


def _write_per_image(path: Path, summary: Summary) -> None:
    from descale.base.files import replacing_file
    from descale.evaluation import METRICS, imagewise_iou

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


def _shown(value: float) -> str:
    return "undefined" if value != value else f"{value:.3f}"
