"""Write a synthetic data set in the common layout."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from descale import __version__
from descale.base.classes import BINARY, ClassTable
from descale.base.errors import ConfigError, DataError
from descale.base.files import first_other_file, replacing_folder
from descale.data.presets import SSCS
from descale.data.sample import Split
from descale.synthesize.scene import Scene, draw_scene

logger = logging.getLogger(__name__)

DESCRIPTION_FILE = "dataset.yaml"
SMALLEST = 32
LARGEST = 4096
_VALID, _TEST = (3, 10, 17), (6, 13, 19)
_CYCLE: tuple[Split, ...] = tuple(
    "valid" if i in _VALID else "test" if i in _TEST else "train" for i in range(20)
)


def synthesize(
    out: str | Path,
    *,
    count: int,
    classes: int = 2,
    seed: int = 0,
    size: tuple[int, int] = (128, 128),
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Write ``count`` labelled photos of scenes that exist nowhere.

    Photo k depends on ``seed``, ``size`` and k alone, and each photo is a scene of its own; of 20 in
    a row 14 go to train, 3 to valid and 3 to test. A folder that stands at ``out`` is replaced only
    if it was written by this function and nothing was put into it since.

    Args:
        out: folder to write.
        count: number of photos, at least 20 (so that every split has some).
        classes: 2 (background, corrosion) or 4 (good, fair, poor, severe).
        seed: 0 or more.
        size: height and width in pixels, 32 to 4096.
        progress: called with the number of photos written so far.

    Returns:
        The folder.

    Raises:
        ConfigError: a number out of range.
        DataError: ``out`` holds something else, or more.
    """
    if count < len(_CYCLE):
        raise ConfigError(
            f"--count {count} is too few; ask for at least {len(_CYCLE)}, so that every split has some."
        )
    if classes not in (2, 4):
        raise ConfigError(
            f"--classes {classes} is not offered; choose 2 (corrosion or not) or 4 (by severity)."
        )
    if seed < 0:
        raise ConfigError(f"--seed {seed} is negative; choose 0 or more.")
    if min(size) < SMALLEST or max(size) > LARGEST:
        raise ConfigError(
            f"Pictures of {size[0]} x {size[1]} are not offered; choose {SMALLEST} to {LARGEST} pixels."
        )
    out = Path(out)
    if out.exists() and not _ours(out):
        raise DataError(
            f"{out}: holds something else than a synthetic data set. Choose another folder, or remove it."
        )
    if out.exists() and (foreign := first_other_file(out, _own_files(out))) is not None:
        raise DataError(
            f"{out}: holds {foreign}, which is not of the synthetic data set there and would be lost. "
            "Choose another folder, or move it."
        )
    table = BINARY if classes == 2 else SSCS.table
    with replacing_folder(out) as folder:
        for split in ("train", "valid", "test"):
            (folder / split / "images").mkdir(parents=True)
            (folder / split / "masks").mkdir()
        for index in range(count):
            scene = draw_scene(seed, index, size)
            photo, mask = (folder / name for name in _names(index))
            _save(scene, photo, mask, classes, quality=_quality(seed, index))
            if progress:
                progress(index + 1)
        settings = f"--count {count} --classes {classes} --seed {seed}, {size[0]} x {size[1]} pixels"
        made_by = f"descale {__version__}: {settings}"
        (folder / DESCRIPTION_FILE).write_text(_describe(table, made_by, classes), encoding="utf-8")
    return out


_MARK = "# synthetic, made by "


def _describe(table: ClassTable, made_by: str, classes: int) -> str:
    entries = []
    for entry in table.classes:
        known = {"name": entry.name, "colour": list(entry.colour), "corrosion": entry.corrosion}
        entries.append(known if entry.metal is None else {**known, "metal": entry.metal})
    document = {"name": f"synthetic-{classes}", "format": "id-masks", "classes": entries}
    return f"{_MARK}{made_by}\n" + yaml.safe_dump(document, sort_keys=False, default_flow_style=None)


def _ours(out: Path) -> bool:
    if not out.is_dir():
        return False
    if not any(out.iterdir()):
        return True
    description = out / DESCRIPTION_FILE
    return description.is_file() and description.read_text(encoding="utf-8", errors="replace").startswith(
        _MARK
    )


def _own_files(out: Path) -> set[str]:
    """What this module wrote into ``out``, by the number of photos that its description states."""
    description = out / DESCRIPTION_FILE
    first = description.read_text(encoding="utf-8", errors="replace") if description.is_file() else ""
    count = re.match(rf"{_MARK}.* --count (\d+) ", first)
    numbers = range(int(count[1])) if count else range(0)
    return {DESCRIPTION_FILE, *(name for index in numbers for name in _names(index))}


def _names(index: int) -> tuple[str, str]:
    """Photo and mask, relative to the set's folder."""
    split = _CYCLE[index % len(_CYCLE)]
    return f"{split}/images/{index:05d}.jpg", f"{split}/masks/{index:05d}.png"


def _quality(seed: int, index: int) -> int:
    """JPEG quality of a photo: 40 to 95, as cameras and messengers leave them."""
    return int(np.random.default_rng((seed, index, 1)).integers(40, 96))


def _save(scene: Scene, photo: Path, mask: Path, classes: int, quality: int) -> None:
    ids = np.minimum(scene.severity, 1) if classes == 2 else scene.severity
    Image.fromarray(scene.photo).save(photo, quality=quality)
    Image.fromarray(ids).save(mask)
