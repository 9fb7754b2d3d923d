"""``descale prune``: a trained network made narrow, and recovered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from descale.cli.training_options import checked_dataset, claimed_folder, devices, validated


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
        float | None, typer.Option(help="Mean fraction of channels to remove, above 0 and below 1.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Instead of --sparsity: params=, macs= or latency=SHARE of the dense.")
    ] = None,
    recipe: Annotated[str, typer.Option(help="descale, or paper (the study's protocol).")] = "descale",
    importance: Annotated[str | None, typer.Option(help="What ranks channels; default by recipe.")] = None,
    allocation: Annotated[
        str | None, typer.Option(help="uniform, balanced, bypass, retained or global; default by recipe.")
    ] = None,
    round_to: Annotated[int | None, typer.Option(help="Make widths multiples of this.")] = None,
    schedule_epochs: Annotated[int | None, typer.Option(help="Epochs of the schedule.")] = None,
    between_epochs: Annotated[
        int | None, typer.Option(help="Epochs of fine-tuning after every cut but the last.")
    ] = None,
    recovery_epochs: Annotated[int | None, typer.Option(help="Epochs after the last cut.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0, max=2**31 - 1)] = 0,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    device_count: Annotated[str, typer.Option("--devices", help="How many, or auto.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, 32-true, 16-mixed, bf16-mixed.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="Threads on the CPU.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that augment photos; 0 for none.")] = 0,
    accept_problems: Annotated[
        bool, typer.Option("--accept-problems", help="Prune although the check of the data failed.")
    ] = False,
) -> None:
    """Remove channels from a trained network and recover what it knew.

    Interrupt it as you like; the same command continues it.

    Example: `descale prune runs/unet/model --data photos/ --sparsity 0.9 --out runs/unet-small`
    """
    from descale.base.classes import BINARY
    from descale.base.errors import ConfigError, ModelError
    from descale.models import load_model, read_description
    from descale.pruning import PruningConfig
    from descale.training import TrainingConfig, prune_model

    if sparsity is not None and not 0.0 < sparsity < 1.0:
        raise ConfigError(
            f"Sparsity {sparsity:g} leaves "
            f"{'the network as it is' if sparsity <= 0 else 'nothing'}; give a value above 0 and below 1."
        )
    pruning = validated(
        PruningConfig,
        {
            "strategy": strategy,
            "sparsity": sparsity,
            "budget": dict([parse_budget(budget)]) if budget else None,
            "recipe": recipe,
            "importance": importance,
            "allocation": allocation,
            "round_to": round_to,
            "schedule_epochs": schedule_epochs,
            "between_epochs": between_epochs,
            "recovery_epochs": recovery_epochs,
        },
    )
    where = devices(accelerator, device_count, precision, threads, workers, True)
    parent = load_model(model)
    if "training" not in parent.provenance:
        raise ModelError(f"{model} does not say how it was trained; train it with: descale train")
    if parent.widths != parent.dense_widths:
        raise ModelError(f"{model} is already pruned; give the dense model it came from.")
    training = validated(TrainingConfig, dict(parent.provenance["training"]))
    dataset = checked_dataset(data, binary=parent.spec.classes == BINARY, accept_problems=accept_problems)
    settings = {
        "command": "prune",
        "data": dataset.fingerprint(),
        "weights": read_description(model)["weights_sha256"],
        "pruning": pruning.model_dump(mode="json"),
        "seed": seed,
    }
    with claimed_folder(out, settings):
        prune_model(parent, dataset, pruning, training, out, seed=seed, devices=where)
    typer.echo(f"model: {out / 'model'}")
    typer.echo(f"score it with: descale evaluate {out / 'model'} --data {data} --keep-scores")
    typer.echo(f"take it to a device with: descale export {out / 'model'} --to onnx --out bundle")
