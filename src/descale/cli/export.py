"""``descale export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    model: Annotated[Path, typer.Argument(help="Model folder (model.json, model.safetensors).")],
    out: Annotated[Path, typer.Option(help="Bundle to write: a folder, or a file that ends in .zip.")],
    to: Annotated[
        list[str] | None,
        typer.Option(help="Target, may be repeated: onnx, openvino, ncnn.  [default: onnx]"),
    ] = None,
    photos: Annotated[
        list[Path] | None,
        typer.Option(help="Photos or folders of photos on which export and model are compared."),
    ] = None,
    half_weights: Annotated[
        bool,
        typer.Option("--half-weights", help="Store weights in 16 bits: half the file, the same arithmetic."),
    ] = False,
    int8: Annotated[bool, typer.Option("--int8", help="Quantize to INT8; needs --calibrate.")] = False,
    calibrate: Annotated[
        str | None,
        typer.Option(help="Data set for INT8: its train split gives ranges, its valid split judges."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="INT8 fails if the corrosion IoU falls by more than this.")
    ] = 0.01,
    card_note: Annotated[
        Path | None,
        typer.Option(help="Markdown file that the card ends with: source and licence of the photos."),
    ] = None,
) -> None:
    """Export a model to a bundle for devices without torch.

    The export is compared with the model before it is kept: at least 99.9 % of the pixels must get the
    same class. INT8 is judged on the validation split. Float32 and INT8 are timed on this machine for about a
    second each, and the faster one is named; another device needs its own `descale benchmark`.

    Example: `descale export runs/unet-90/model --to onnx --to openvino --photos site/ --out corrosion.zip`

    Example: `descale export runs/unet-90/model --to openvino --int8 --calibrate data/steel --out int8.zip`
    """
    from descale.cli.console import plain_console
    from descale.deploy.export.run import export as export_folder

    exported = export_folder(
        model,
        out,
        to=to or ("onnx",),
        photos=photos or (),
        half_weights=half_weights,
        int8=int8,
        calibrate=calibrate,
        tolerance=tolerance,
        card_note=card_note,
    )
    console = plain_console()
    for name, parity in exported.parity.items():
        console.print(f"{name}: {parity}")
    for name, gate in exported.gates.items():
        console.print(f"{name}: {gate}")
    if exported.timing is not None:
        console.print(str(exported.timing))
    console.print(f"wrote {exported.path}")
