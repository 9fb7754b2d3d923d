"""``descale train``: a dense network from photos and masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from descale.cli.training_options import devices, given, parse_size


def train(
    data: Annotated[str, typer.Option(help="Data set: a folder, a description (.yaml), or nea:/sscs:PATH.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; the model is OUT/model.")],
    arch: Annotated[str, typer.Option(help="unet, unetplusplus, fpn, linknet or manet.")] = "unet",
    encoder: Annotated[str, typer.Option(help="Any encoder of segmentation_models_pytorch.")] = (
        "tu-tf_efficientnet_lite0"
    ),
    encoder_weights: Annotated[str, typer.Option(help="none, imagenet, or a file.")] = "imagenet",
    binary: Annotated[bool, typer.Option(help="Merge all corrosion classes into one.")] = False,
    size: Annotated[str, typer.Option(help="Input size, 160 or 160x192 (height x width).")] = "160",
    epochs: Annotated[int, typer.Option(help="Passes over the training split.")] = 40,
    batch_size: Annotated[int, typer.Option(help="Photos a step.")] = 16,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-3,
    encoder_rate: Annotated[float, typer.Option(help="Factor on the encoder's rate.")] = 0.3,
    loss: Annotated[str, typer.Option(help="tversky, dice, focal, cross-entropy, or a sum (a+b).")] = (
        "dice+cross-entropy"
    ),
    ema: Annotated[
        float, typer.Option(help="Decay of the average of the weights that is kept; 0 for none.")
    ] = 0.99,
    early_stopping: Annotated[
        int | None, typer.Option(help="Stop after so many epochs without a better validation IoU.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0, max=2**31 - 1)] = 0,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    device_count: Annotated[str, typer.Option("--devices", help="How many, or auto.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, 32-true, 16-mixed, bf16-mixed.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="Threads on the CPU.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that augment photos; 0 for none.")] = 0,
    accept_problems: Annotated[
        bool, typer.Option("--accept-problems", help="Train although the check of the data failed.")
    ] = False,
) -> None:
    """Train a dense network. Interrupt it as you like; the same command continues it.

    Example: `descale train --data photos/ --arch unet --out runs/unet`
    """

    from descale.training.runs import train as train_run

    model = train_run(
        data,
        out,
        architecture=arch,
        encoder=encoder,
        encoder_weights=encoder_weights,
        binary=binary,
        size=parse_size(size),
        epochs=epochs,
        training=given(
            {
                "batch_size": batch_size,
                "learning_rate": learning_rate,
                "encoder_rate": encoder_rate,
                "loss": loss,
                "early_stopping": early_stopping,
            }
        )
        | {"ema": ema or None},
        devices=devices(accelerator, device_count, precision, threads, workers),
        seed=seed,
        accept_problems=accept_problems,
    )
    typer.echo(f"model: {model}")
    typer.echo(f"score it with: descale evaluate {model} --data {data} --keep-scores")
