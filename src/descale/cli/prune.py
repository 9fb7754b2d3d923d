"""``descale prune``: a trained network made narrow, and recovered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from descale.cli.training_options import listing, pruning_settings, settings_of


def parse_budget(text: str) -> tuple[str, float]:
    """``macs=0.1`` -> ("macs", 0.1).

    Raises:
        ConfigError: it is not of that form.

    >>> parse_budget("macs=0.1")
    ('macs', 0.1)
    """
    from descale.base.errors import ConfigError

    kind, _, share = text.partition("=")
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if kind not in ("params", "macs", "latency") or not 0.0 < value < 1.0:
        raise ConfigError(
            f"Budget '{text}' is not understood; write params=, macs= or latency= and a share between 0 "
            "and 1, for example macs=0.1."
        )
    return kind, value


def prune(
    model: Annotated[Path, typer.Argument(help="Model folder of a dense network (from descale train).")],
    data: Annotated[str, typer.Option(help="The data set it was trained on.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; the pruned model is OUT/model.")],
    strategy: Annotated[str, typer.Option(help="linear, agp, movement, random or one-shot.")] = "agp",
    sparsity: Annotated[
        float | None, typer.Option(help="Fraction of channels to remove, above 0 and below 1.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Instead of --sparsity: params=, macs= or latency=SHARE of the dense.")
    ] = None,
    recipe: Annotated[str, typer.Option(help="descale, or paper (the study's protocol).")] = "descale",
    recovery_epochs: Annotated[int | None, typer.Option(help="Epochs after the last cut.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0, max=2**31 - 1)] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            is_eager=True,
            callback=listing(pruning_settings),
            help="Any other setting of the pruning or the device, such as allocation=balanced or threads=2; "
            "may be repeated. --set '?' lists them.",
        ),
    ] = None,
    accept_problems: Annotated[
        bool, typer.Option("--accept-problems", help="Prune although the check of the data failed.")
    ] = False,
) -> None:
    """Remove channels from a trained network and recover what it knew.

    Interrupt it as you like; the same command continues it.

    Example: `descale prune runs/unet/model --data photos/ --sparsity 0.9 --out runs/unet-small`

    Example: `descale prune runs/unet/model --data photos/ --budget macs=0.1 --set round_to=8 --out runs/macs`
    """
    from descale.pruning.config import PruningConfig
    from descale.training.runs import prune as prune_run

    pruning, devices = settings_of(settings, "pruning", PruningConfig)
    pruned = prune_run(
        model,
        data,
        out,
        sparsity=sparsity,
        budget=dict([parse_budget(budget)]) if budget else None,
        strategy=strategy,
        recipe=recipe,
        recovery_epochs=recovery_epochs,
        pruning=pruning,
        devices=devices,
        seed=seed,
        accept_problems=accept_problems,
    )
    typer.echo(f"model: {pruned}")
    typer.echo(f"score it with: descale evaluate {pruned} --data {data} --keep-scores")
    typer.echo(f"take it to a device with: descale export {pruned} --to onnx --out bundle")
