"""``descale export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    model: Annotated[Path, typer.Argument(help="Model folder (model.json, model.safetensors).")],
    out: Annotated[Path, typer.Option(help="Bundle to write: a folder, or a file that ends in .zip.")],
    to: Annotated[list[str], typer.Option(help="Target, may be given several times: onnx, openvino.")],
    photos: Annotated[
        list[Path] | None,
        typer.Option(help="Photos or folders of photos on which export and model are compared."),
    ] = None,
) -> None:
    """Export a model to a bundle for devices without torch.

    The export is compared with the model before it is kept: at least 99.9 % of the pixels must get the
    same class.

    Example: `descale export runs/unet-90/model --to onnx --to openvino --photos site/ --out corrosion.zip`
    """
    from rich.console import Console

    from descale.deploy.export import export_model, find_photos
    from descale.models import load_model

    exported = export_model(load_model(model), out, targets=to, photos=find_photos(photos or []))
    console = Console(soft_wrap=True, highlight=False)
    for name, parity in exported.parity.items():
        console.print(f"{name}: {parity}")
    console.print(f"wrote {exported.path}")
