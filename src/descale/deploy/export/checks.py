"""What is asked of an export, checked before the work starts."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

from descale.base.errors import ConfigError, ExportError
from descale.base.files import first_other_file
from descale.base.home import expanded
from descale.base.photo import PHOTO_SUFFIXES, is_hidden
from descale.base.walk import Walk
from descale.deploy.export.targets import TARGETS, Target, find_target
from descale.runtime.bundle import MANIFEST


def choose_targets(names: Sequence[str]) -> tuple[Target, ...]:
    """Targets by name.

    Raises:
        ConfigError: none is given, one is unknown, or one is given twice.
    """
    if not names:
        raise ConfigError("Nothing to export to: give at least one target, such as --to onnx.")
    if len(set(names)) != len(names):
        raise ConfigError(f"A target is given twice: {', '.join(names)}. Give each once.")
    return tuple(find_target(name) for name in names)


def check_output(out: Path) -> None:
    """Refuse to replace what is not a bundle, or a folder with more in it, before the work starts.

    Raises:
        ExportError: something else stands there, or files beside a bundle's own.
    """
    if out.suffix == ".zip":
        if out.is_dir():
            raise ExportError(f"{out} is a folder. Give another name for the zip file.")
        if out.is_file() and not _is_bundle(out):
            raise ExportError(f"{out} is something else than a bundle. Give another name, or remove it.")
    elif out.is_file():
        raise ExportError(f"{out} is a file. Give a folder, or a name that ends in .zip.")
    elif out.is_dir() and any(out.iterdir()):
        if not (out / MANIFEST).exists():
            raise ExportError(f"{out} holds other things than a bundle. Give a new or an empty folder.")
        if (foreign := first_other_file(out, _own_files(out))) is not None:
            raise ExportError(
                f"{out} holds {foreign}, which is not of the bundle there and would be lost. "
                "Give another folder, or move it."
            )


def _own_files(folder: Path) -> set[str]:
    try:
        return {MANIFEST, *json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["checksums"]}
    except (OSError, ValueError, KeyError, TypeError):  # damaged: then all else is somebody's
        return {MANIFEST}


def _is_bundle(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def find_photos(sources: Sequence[Path]) -> tuple[Path, ...]:
    """Photos by file or by folder (searched to any depth and behind links), sorted.

    Raises:
        ExportError: a path does not exist or a folder holds no photo.
    """
    found: list[Path] = []
    for source in map(expanded, sources):
        if source.is_file():
            found.append(source)
            continue
        if not source.is_dir():
            raise ExportError(f"{source}: no such photo or folder.")
        walk = Walk()
        walk.add(source)
        here = sorted(file.path for file in walk.files if _is_photo(file.path.relative_to(source)))
        if not here:
            raise ExportError(f"{source} holds no photo ({', '.join(sorted(PHOTO_SUFFIXES))}).")
        found.extend(here)
    return tuple(found)


def _is_photo(inner: Path) -> bool:
    return inner.suffix.lower() in PHOTO_SUFFIXES and not is_hidden(inner)


def require_int8(targets: Sequence[Target], *, half_weights: bool = False) -> None:
    """Refuse targets without a quantizer, and weights that are to be stored in two ways.

    Raises:
        ConfigError: names them.
    """
    if half_weights:
        raise ConfigError("INT8 stores weights in 8 bits already. Leave --half-weights (half_weights) out.")
    without = [target.name for target in targets if target.quantize is None]
    if without:
        able = ", ".join(target.name for target in TARGETS.values() if target.quantize)
        raise ConfigError(f"There is no INT8 for {', '.join(without)}, only for {able}.")
