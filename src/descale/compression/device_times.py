"""Times of another device: untrained networks to carry there, and what was measured of them.

Time falls smoothly with sparsity, so a few networks of each architecture are timed; the others lie between.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from descale.base.errors import BundleError, ConfigError
from descale.base.files import make_folder
from descale.compression.untrained import UNTRAINED, Untrained
from descale.deploy.export.bundle import write_untrained
from descale.deploy.export.record import bundle_name, network_title
from descale.models import SavedModel
from descale.runtime.bundle import open_bundle

CARRIED = (0.0, 0.3, 0.5, 0.65, 0.75, 0.85, 0.9, 0.95)
"""Sparsities of the networks that are carried to a device."""
_LOAD = re.compile(r"; load [\d.]+")
"""What a description of a device says of the moment, and not of the device."""
COLUMNS = ("name", "engine", "height", "width", "threads", "inference_p50_ms", "device")

Side = tuple[int, int]


@dataclass(frozen=True)
class DeviceTimes:
    """Milliseconds of inference, measured on one device with one engine.

    Attributes:
        device: in words.
        threads: that were used.
        measured: name of a network -> (height, width) -> milliseconds.
    """

    device: str
    threads: int
    measured: Mapping[str, Mapping[Side, float]]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        measured = {
            name: {f"{height}x{width}": ms for (height, width), ms in times.items()}
            for name, times in self.measured.items()
        }
        return {"device": self.device, "threads": self.threads, "measured": measured}

    @property
    def sides(self) -> tuple[Side, ...]:
        """Sizes that every network was measured at, the largest first."""
        common = set.intersection(*(set(times) for times in self.measured.values()))
        return tuple(sorted(common, reverse=True))

    def knows(self, architecture: str, encoder: str) -> bool:
        """Whether networks of that kind were measured."""
        return any(network_name(architecture, encoder, sparsity) in self.measured for sparsity in CARRIED)

    def ms(self, architecture: str, encoder: str, sparsity: float, side: Side) -> float:
        """Milliseconds of a network: measured, or on the line between its two neighbours in sparsity.

        Raises:
            ConfigError: the architecture was not measured, or not at this size.
        """
        known = {
            at: self.measured[name][side]
            for at in CARRIED
            if (name := network_name(architecture, encoder, at)) in self.measured
            and side in self.measured[name]
        }
        if len(known) < 2 or not min(known) <= sparsity <= max(known):
            raise ConfigError(
                f"The device's times do not say how long {architecture}/{encoder} with {sparsity:g} removed "
                f"takes at {side[0]}x{side[1]}. Time the networks of --networks-to there, all of them."
            )
        places = sorted(known)
        logs = [math.log(known[place]) for place in places]
        return math.exp(float(np.interp(sparsity, places, logs)))


def network_name(architecture: str, encoder: str, sparsity: float) -> str:
    """How the untrained bundle of an architecture is called in the tables of ``descale benchmark``.

    >>> network_name("unet", "tu-tf_efficientnet_lite0", 0.75)
    'unet-tf_efficientnet_lite0-untrained-0.75'
    """
    return network_title(architecture, encoder, UNTRAINED, sparsity)


def write_networks(networks: Sequence[Untrained], folder: Path, target: str, *, int8: bool) -> list[Path]:
    """Write the networks that are to be timed on a device; returns the bundles.

    Args:
        networks: of all architectures.
        folder: made if need be; what is there already and is the same network is left.
        target: what to export to.
        int8: quantize them.
    """
    make_folder(folder)
    written = []
    for network in networks:
        for sparsity in CARRIED:
            model = network.saved(sparsity)
            path = folder / f"{bundle_name(model)}.zip"
            if not _is_the_same(path, model, target, int8=int8):
                write_untrained(model, path, target, int8=int8)
            written.append(path)
    return written


def _is_the_same(path: Path, model: SavedModel, target: str, *, int8: bool) -> bool:
    """Whether a bundle that is there would be written again as it is: its name does not tell everything."""
    if not path.is_file():
        return False
    try:
        manifest = open_bundle(path).manifest
    except BundleError:
        return False
    return (
        tuple(manifest.engines) == (target,)
        and manifest.precision == ("int8" if int8 else "float32")
        and manifest.classes == model.spec.classes
    )


def read_times(paths: Sequence[Path], engine: str, *, int8: bool = False) -> DeviceTimes:
    """Times from files of ``descale benchmark --csv``, one for each size or all in one.

    Args:
        paths: the files.
        engine: whose times count.
        int8: whether those of INT8 count, or those of float32.

    Raises:
        ConfigError: a file cannot be read, is no such file, has no times of the engine, or the files are of
            several devices or numbers of threads, or have no size in common.
    """
    rows = [row for path in paths for row in _rows(path)]
    mine = [row for row in rows if row["engine"] == engine and f"-{UNTRAINED}" in row["name"]]
    named = ", ".join(str(path) for path in paths)
    precision = "int8" if int8 else "float32"
    other = [row for row in mine if row.get("precision", precision) != precision]
    mine = [row for row in mine if row.get("precision", precision) == precision]
    if other and not mine:
        raise ConfigError(
            f"{named}: only times of {other[0]['precision']}, where {precision} will run. Give --int8 to "
            "both commands or to neither."
        )
    if not mine:
        engines = ", ".join(sorted({row["engine"] for row in rows})) or "none"
        raise ConfigError(
            f"{named}: no times of untrained networks in {engine} (engines there: {engines}). Time the "
            "bundles of --networks-to with: descale benchmark --csv"
        )
    for column in ("device", "threads"):
        found = sorted({_LOAD.sub("", row[column]) for row in mine})
        if len(found) > 1:
            raise ConfigError(f"{named}: times of several kinds of {column} ({'; '.join(found)}). Give one.")
    measured: dict[str, dict[Side, float]] = {}
    for row in mine:
        try:
            side, ms = (int(row["height"]), int(row["width"])), float(row["inference_p50_ms"])
            threads = int(float(row["threads"]))
        except (ValueError, TypeError):
            told = ", ".join(f"{name} '{row[name]}'" for name in COLUMNS[2:6])
            raise ConfigError(f"{named}: a row of {row['name']} cannot be read: {told}.") from None
        if not (math.isfinite(ms) and ms > 0):
            raise ConfigError(f"{named}: {row['name']} is said to take {ms:g} ms; measure it again.")
        measured.setdefault(row["name"], {})[side] = ms
    found_times = DeviceTimes(_LOAD.sub("", mine[0]["device"]), threads, measured)
    if not found_times.sides:
        raise ConfigError(
            f"{named}: no size at which all networks were timed. Time all of them at each size."
        )
    return found_times


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}. Give a file of descale benchmark --csv."
        ) from error
    missing = [column for column in COLUMNS if not rows or column not in rows[0]]
    if missing:
        raise ConfigError(
            f"{path} has no column {', '.join(missing)}; give a file of descale benchmark --csv."
        )
    if any(row[column] is None for row in rows for column in COLUMNS):
        raise ConfigError(f"{path}: a row ends too early, the file was cut off. Copy it again.")
    return rows
