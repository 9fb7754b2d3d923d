"""``descale plan``: what pruning would cut, without training anything."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from descale.cli.prune import parse_budget

if TYPE_CHECKING:
    from descale.pruning import Plan


class Format(StrEnum):
    """How the plan is printed."""

    table = "table"
    json = "json"


class SparsityOver(StrEnum):
    """What --sparsity is a fraction of."""

    layers = "layers"
    channels = "channels"


def plan(
    arch: Annotated[
        str,
        typer.Option(help="unet, unetplusplus, fpn, linknet, manet; all but fpn also with -half."),
    ] = "unet",
    encoder: Annotated[str, typer.Option(help="Any encoder of segmentation_models_pytorch.")] = (
        "tu-tf_efficientnet_lite0"
    ),
    sparsity: Annotated[
        float | None, typer.Option(help="Fraction of channels to remove, above 0 and below 1.")
    ] = None,
    sparsity_over: Annotated[
        SparsityOver,
        typer.Option(help="What --sparsity is a fraction of: mean over the layers, or all channels."),
    ] = SparsityOver.layers,
    budget: Annotated[
        str | None, typer.Option(help="Instead of --sparsity: params=, macs= or latency=SHARE of the dense.")
    ] = None,
    allocation: Annotated[str, typer.Option(help="uniform, balanced or bypass.")] = "bypass",
    round_to: Annotated[int, typer.Option(help="Make widths multiples of this.", min=1)] = 1,
    engine: Annotated[
        str,
        typer.Option(help="For a latency: onnxruntime, openvino, or auto for the first installed."),
    ] = "auto",
    latency_table: Annotated[
        Path | None,
        typer.Option(
            help="For a latency: a file of descale benchmark --table, instead of timing this machine."
        ),
    ] = None,
    size: Annotated[str, typer.Option(help="Input size, 160 or 160x192 (height x width).")] = "160",
    classes: Annotated[int, typer.Option(help="Number of classes.", min=2, max=255)] = 2,
    output: Annotated[Format, typer.Option("--format", help="table or json.")] = Format.table,
) -> None:
    """Show every channel group: layers, width before and after, its share of the costs, and why it stays.

    With both --sparsity and --budget the budget decides, and the sparsity it takes is shown.

    Example: `descale plan --arch manet --encoder resnet101 --sparsity 0.9`
    """
    import json
    from dataclasses import replace
    from types import SimpleNamespace

    from descale.base.classes import ClassTable, PixelClass
    from descale.base.errors import ConfigError, ExportError
    from descale.base.picture_size import parse_size
    from descale.deploy.exportable import require_exportable
    from descale.models import build_network, make_spec
    from descale.pruning import ALLOCATIONS, build_channel_graph, make_plan
    from descale.pruning.allocation import SCORED

    if sparsity is None and budget is None:
        raise ConfigError("Give --sparsity, for example 0.9, or --budget, for example macs=0.1.")
    if budget is not None and sparsity_over is SparsityOver.channels:
        raise ConfigError("--sparsity-over tells what --sparsity is a share of; a budget decides without it.")
    if allocation not in ALLOCATIONS:
        raise ConfigError(f"Unknown allocation '{allocation}'. Known: {', '.join(ALLOCATIONS)}.")
    if allocation in SCORED:
        plain = [name for name in ALLOCATIONS if name not in SCORED]
        raise ConfigError(
            f"Allocation '{allocation}' ranks by scores, which only a pruning run gathers. "
            f"Plan with one of {', '.join(plain)}."
        )
    table = ClassTable(tuple(PixelClass(f"class {i}", (0, 0, 0), corrosion=i > 0) for i in range(classes)))
    spec = make_spec(arch, encoder, classes=table, input_size=parse_size(size))
    network = build_network(spec).eval()
    graph = build_channel_graph(network)
    aim = parse_budget(budget) if budget else None
    widths = None
    timed = aim is not None and aim[0] == "latency"
    if timed and round_to > 1:
        raise ConfigError(
            f"--round-to {round_to}: a budget in latency chooses whole vectors by itself. Leave it out."
        )
    if engine != "auto" and not timed:
        raise ConfigError("--engine is for --budget latency=0.1 and the like. Leave it out.")
    if latency_table is not None and not timed:
        raise ConfigError("--latency-table is for --budget latency=0.1 and the like. Leave it out.")
    if aim is not None and timed:
        from rich.markup import escape

        from descale.cli.console import plain_console
        from descale.latency import widths_for_latency

        with plain_console(stderr=True).status("timing layers") as status:
            widths = widths_for_latency(
                network, spec, graph, aim[1], size=spec.input_size, allocation=allocation, engine=engine,
                table=latency_table, tell=lambda line: status.update(escape(line)),
            )  # fmt: skip
    made = make_plan(
        network,
        size=spec.input_size,
        sparsity=sparsity,
        sparsity_over=sparsity_over.value,
        budget=aim,
        allocation=allocation,
        round_to=round_to,
        graph=graph,
        widths=widths,
    )
    try:
        require_exportable(spec)
    except ExportError as error:
        made = replace(made, note=f"{made.note}; {error}" if made.note else str(error))
    if output is Format.json:
        header = SimpleNamespace(architecture=arch, encoder=encoder, allocation=allocation)
        typer.echo(json.dumps({**vars(header), **made.to_json()}, indent=2))
        return
    _print(made, f"{arch} / {encoder}, {allocation}")


def _print(made: Plan, title: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    from descale.cli.console import marked_console

    table = Table(title=escape(title))
    for name in ("group", "layers", "width", "units", "MACs", "parameters", "note"):
        table.add_column(name, justify="left" if name in ("layers", "note") else "right", overflow="fold")
    for row in made.groups:
        more = f" +{len(row.layers) - 1}" if len(row.layers) > 1 else ""
        table.add_row(
            str(row.group),
            escape((row.layers[0] if row.layers else "-") + more),
            f"{row.before} → {row.after}",
            f"{row.units} → {row.kept}",
            f"{row.macs_share:.1%}",
            f"{row.params_share:.1%}",
            escape(row.reason),
        )
    console = marked_console()
    console.print(table)
    console.print(
        f"sparsity {made.sparsity:.3f}, the mean over the prunable layers\n"
        f"channels of these {made.channels_before:,} → {made.channels_after:,} "
        f"({made.channels_after / made.channels_before:.2%})\n"
        f"parameters {made.params_before:,} → {made.params_after:,} "
        f"({made.params_after / made.params_before:.2%})\n"
        f"MACs at {made.size[0]}x{made.size[1]} {made.macs_before:,} → {made.macs_after:,} "
        f"({made.macs_after / made.macs_before:.2%})"
    )
    if made.note:
        console.print(f"note: {escape(made.note)}")
