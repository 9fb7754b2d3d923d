"""``descale evaluate``: how good a model is on one split, its false alarms where there is no corrosion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from descale.evaluation import Summary
    from descale.evaluation.false_alarms import FalseAlarms
    from descale.evaluation.model_scores import Evaluation

WORST_SHOWN = 5


def evaluate(
    model: Annotated[
        Path,
        typer.Argument(help="Model folder (model.json and model.safetensors); with --clean also a bundle."),
    ],
    data: Annotated[
        str | None, typer.Option(help="Data set: a folder, a description (.yaml), or nea:/sscs:PATH.")
    ] = None,
    clean: Annotated[
        Path | None, typer.Option(help="Folder of photos without any corrosion: count false alarms on them.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which split: train, valid or test.")] = "test",
    json: Annotated[Path | None, typer.Option(help="Also write everything to this JSON file.")] = None,
    per_image: Annotated[
        Path | None, typer.Option(help="Also write a row per photo of the split to this CSV file.")
    ] = None,
    keep_scores: Annotated[
        bool,
        typer.Option("--keep-scores", help="Keep the scores with the model, for its card when exported."),
    ] = False,
) -> None:
    """Score a model on one split, with 95 % intervals and the two floors it must clear.

    Scores are of the photo's own pixels, whatever the model's input size. With `--clean`: how many photos
    without corrosion show a patch above 0.5 % of the picture.

    Example: `descale evaluate models/unet --data photos/ --split test --json scores.json`
    """
    from descale.base.errors import ConfigError
    from descale.base.files import write_json
    from descale.cli.console import marked_console
    from descale.evaluation.clean_photos import find_clean_photos
    from descale.evaluation.model_scores import evaluate as evaluate_model
    from descale.evaluation.model_scores import false_alarms, write_per_image

    if data is None and (clean is None or per_image is not None):
        missing = "to write a row per photo of" if clean is not None else "to score on"
        raise ConfigError(f"There is no data set {missing}: give --data FOLDER, or --clean FOLDER alone.")
    if clean is not None:
        find_clean_photos(clean)  # what is wrong with the folder is told before anything long starts
    console = marked_console()
    written: dict[str, Any] = {"model": str(model)}
    if data is not None:
        evaluation = evaluate_model(model, data, split=split, keep_scores=keep_scores)
        written |= evaluation.to_json()
        if per_image is not None:
            write_per_image(per_image, evaluation.summary)
        _tell_scores(console, evaluation)
    if clean is not None:
        found = false_alarms(model, clean, keep_scores=keep_scores)
        written["clean"] = {**found.to_json(), "by_photo": found.by_photo()}
        _tell_false_alarms(console, model, found)
    if json is not None:
        write_json(json, written)


def _tell_false_alarms(console: Console, model: Path, found: FalseAlarms) -> None:
    from rich.markup import escape

    from descale.evaluation.false_alarms import in_words

    left_out = f" {len(found.unread)} could not be read." if found.unread else ""
    console.print(
        f"[bold]{escape(str(model))}[/] on photos without corrosion, {escape(found.folder)}: "
        f"{in_words(found.to_json())}.{left_out}",
        highlight=False,
    )
    for photo in found.by_photo()[:WORST_SHOWN]:
        if photo["alarm"]:
            largest = f"{100 * photo['largest_patch']:5.1f} %"
            console.print(f"  {largest} {escape(photo['photo'])}", highlight=False)


def _tell_scores(console: Console, evaluation: Evaluation) -> None:
    from rich.markup import escape

    spec, summary, costs = evaluation.spec, evaluation.summary, evaluation.costs
    console.print(
        f"[bold]{escape(str(evaluation.model))}[/]: {spec.architecture}/{spec.encoder} on "
        f"{escape(evaluation.dataset)}, split {evaluation.split}"
    )
    console.print(_score_table(summary))
    console.print(_confusion_table(summary))
    height, width = spec.input_size
    console.print(
        f"{costs['params']:,} parameters, {costs['macs']:,} MACs at {height}x{width}, "
        f"{costs['size_bytes']:,} bytes of weights",
        highlight=False,
    )
    if not summary.defined:
        console.print(
            f"Scores of corrosion are not defined: split {evaluation.split} shows no corrosion. "
            "Choose another split, or put photos with corrosion into it."
        )
    for reason in summary.collapse.reasons:
        console.print(f"[bold red]collapsed:[/] {escape(reason)}")


def _score_table(summary: Summary) -> Table:
    from rich.markup import escape
    from rich.table import Table

    from descale.base.columns import COLUMNS
    from descale.evaluation import METRICS

    scenes = next(iter(summary.intervals.values())).clusters
    unit = "photos" if scenes == len(summary.confusions) else f"photos of {scenes} scenes"
    table = Table(title=f"Scores over {len(summary.confusions)} {unit}", title_justify="left")
    table.add_column("score")
    for heading in ("model", "95 % interval", "best constant answer", "colour threshold"):
        table.add_column(heading, justify="right")
    for name in METRICS:
        if name == "iou_corrosion_union" and len(summary.classes.corrosion_ids) == 1:
            continue  # the same as the headline
        interval = summary.intervals[name]
        table.add_row(
            COLUMNS[name].title + (" (headline)" if name == "iou_corrosion" else ""),
            _shown(interval.estimate),
            f"{_shown(interval.low)} to {_shown(interval.high)}",
            _shown(summary.trivial[name]),
            _shown(getattr(summary.colour, name)) if summary.colour else "not fitted",
        )
    for index, name in enumerate(summary.classes.names):
        colour = _shown(summary.colour.iou_by_class[index]) if summary.colour else "not fitted"
        table.add_row(escape(f"IoU of {name}"), _shown(summary.scores.iou_by_class[index]), "", "", colour)
    return table


def _confusion_table(summary: Summary) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="Pixels, in % of each true class", title_justify="left")
    table.add_column("true")
    for name in summary.classes.names:
        table.add_column(escape(f"predicted {name}"), justify="right")
    table.add_column("pixels", justify="right")
    for name, row in zip(summary.classes.names, summary.confusions.total.tolist(), strict=True):
        pixels = sum(row)
        shares = [f"{100 * count / pixels:.1f}" if pixels else "-" for count in row]
        table.add_row(escape(name), *shares, f"{pixels:,}")
    return table


def _shown(value: float) -> str:
    return "not defined" if value != value else f"{value:.3f}"
