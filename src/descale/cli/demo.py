"""``descale demo``: a mask by the model in the package, then the main job on an embedded data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PHOTOS, SIZE, SEED = 4, (512, 512), 2
"""Of the first look: how many are drawn, how large, and the seed of the set."""


def demo(
    out: Annotated[Path, typer.Option(help="Folder of the demo. An existing one is continued.")] = Path(
        "runs/demo"
    ),
    parallel: Annotated[int, typer.Option(help="Processes on this machine.")] = 2,
) -> None:
    """Find corrosion on drawn photos with the model in the package; then train, prune twice, report.

    The first takes seconds and is a page to look at while the rest runs.

    Example: `descale demo --out runs/demo`
    """
    from importlib.resources import as_file, files

    from descale.cli.study import study

    typer.echo(f"what the model in the package finds: {first_look(out / 'first-look')}")
    with as_file(files("descale.study") / "demo.yaml") as file:
        study(file=file, out=out / "study", parallel=parallel)  # a study takes no folder with other files


def first_look(folder: Path) -> Path:
    """Draw photos of steel and predict them with the model in the package; returns the page of results.

    Args:
        folder: gets ``photos/`` and ``results/``; what is there already is not done again.
    """
    from PIL import Image

    from descale.base.files import make_folder
    from descale.prediction.predict import predict
    from descale.synthesize import draw_scene

    photos = folder / "photos"
    make_folder(photos)
    for index in range(PHOTOS):
        place = photos / f"steel-{index + 1}.png"
        if not place.exists():
            Image.fromarray(draw_scene(SEED, index, SIZE).photo).save(place)
    predict(None, photos, folder / "results")
    return folder / "results" / "index.html"
