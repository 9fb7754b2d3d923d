"""``descale train``: a dense network from photos and masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from descale.cli.training_options import checked_dataset, claimed_folder, devices, parse_size, validated


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

    from descale.base.files import sha256_of
    from descale.models import make_spec
    from descale.training import TrainingConfig, train_model

    values = {
        "epochs": epochs,
        "batch_size": batch_size,
        "size": parse_size(size),
        "learning_rate": learning_rate,
        "encoder_rate": encoder_rate,
        "loss": loss,
        "early_stopping": early_stopping,
        "ema": ema or None,
    }
    config = validated(TrainingConfig, values)
    if not ema:
        config = config.model_copy(update={"ema": None})
    where = devices(accelerator, device_count, precision, threads, workers, True)
    make_spec(arch, encoder, input_size=config.size)  # unknown names fail before any photo is read
    dataset = checked_dataset(data, binary=binary, accept_problems=accept_problems)
    spec = make_spec(arch, encoder, classes=dataset.classes, input_size=config.size)
    settings = {
        "command": "train",
        "data": dataset.fingerprint(),
        "model": spec.to_json(),
        "encoder_weights": encoder_weights,
        "training": config.model_dump(mode="json"),
        "seed": seed,
    }
    weights = Path(encoder_weights)
    if weights.is_file():  # none and imagenet say what they are, a file may change
        settings["encoder_weights_sha256"] = sha256_of(weights)
    with claimed_folder(out, settings):
        train_model(dataset, spec, config, out, encoder_weights=encoder_weights, seed=seed, devices=where)
    typer.echo(f"model: {out / 'model'}")
    typer.echo(f"score it with: descale evaluate {out / 'model'} --data {data} --keep-scores")
