"""``descale train``: a dense network from photos and masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from descale.cli.training_options import listing, settings_of, training_settings


def train(
    data: Annotated[str, typer.Option(help="Data set: a folder, a description (.yaml), or nea:/sscs:PATH.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; the model is OUT/model.")],
    arch: Annotated[
        str,
        typer.Option(help="unet, unetplusplus, fpn, linknet, manet; all but fpn also with -half."),
    ] = "unet",
    encoder: Annotated[str, typer.Option(help="Any encoder of segmentation_models_pytorch.")] = (
        "tu-tf_efficientnet_lite0"
    ),
    encoder_weights: Annotated[str, typer.Option(help="none, imagenet, or a file.")] = "imagenet",
    binary: Annotated[bool, typer.Option(help="Merge all corrosion classes into one.")] = False,
    size: Annotated[str, typer.Option(help="Input size, 160 or 160x192 (height x width).")] = "160",
    epochs: Annotated[int, typer.Option(help="Passes over the training split.")] = 40,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0, max=2**31 - 1)] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            is_eager=True,
            callback=listing(training_settings),
            help="Any other setting of the training or the device, such as batch_size=8 or threads=2; may be "
            "repeated. --set '?' lists them.",
        ),
    ] = None,
    accept_problems: Annotated[
        bool,
        typer.Option(
            "--accept-problems", help="Train although the data failed their check, or no export is possible."
        ),
    ] = False,
) -> None:
    """Train a dense network. Interrupt it as you like; the same command continues it.

    Example: `descale train --data photos/ --arch unet --out runs/unet`

    Example: `descale train --data photos/ --out runs/sgd --set optimizer=sgd --set learning_rate=0.01`
    """
    from descale.base.picture_size import parse_size
    from descale.training.config import TrainingConfig
    from descale.training.runs import train as train_run

    training, devices = settings_of(settings, "training", TrainingConfig)
    model = train_run(
        data,
        out,
        architecture=arch,
        encoder=encoder,
        encoder_weights=encoder_weights,
        binary=binary,
        size=parse_size(size),
        epochs=epochs,
        training=training,
        devices=devices,
        seed=seed,
        accept_problems=accept_problems,
    )
    typer.echo(f"model: {model}")
    typer.echo(f"score it with: descale evaluate {model} --data {data} --keep-scores")
