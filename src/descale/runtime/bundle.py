"""The bundle: a network and all that is needed to use it, in one folder or one zip file.

Layout::

    bundle.json      what this module reads and writes
    MODEL_CARD.md    for people
    network.onnx     one or more networks, by engine
    network.xml / network.bin

The network takes ``image``: uint8, ``(N, H, W, 3)``, RGB, H and W any multiples of ``stride``. That is the
memory layout of a decoded photo, so a tile goes in without a float copy; normalisation and the change
of layout happen inside the graph. It returns ``logits``: float32, ``(N, K, H, W)``, K = number of classes.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from descale.errors import BundleError
from descale.files import replacing_file, sha256_of, write_json
from descale.runtime.classes import ClassTable

FORMAT_VERSION = 1
MANIFEST = "bundle.json"
PRECISIONS = ("float32", "int8")
MAX_FILE_BYTES = 2 << 30  # a zip that claims more than this per file is not one of ours
_DAMAGED = (OSError, EOFError, ValueError, RuntimeError, zlib.error, struct.error)  # as zipfile reports it
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # constant, so that equal folders give equal zip files


class _NewerFormat(ValueError):
    """Written by a newer descale."""


@dataclass(frozen=True)
class BundleManifest:
    """What ``bundle.json`` says.

    Attributes:
        name: of the model, for people (``unet-tf_efficientnet_lite0-agp-0.90``).
        classes: meaning of the network's output channels, in order.
        engines: files by engine, the one to open first: ``{"onnx": ("network.onnx",),
            "openvino": ("network.xml", "network.bin")}``.
        mean, std: of the normalisation inside the graph, RGB 0..1; for information only.
        stride: height and width of the input must be multiples of it, pixels.
        threshold: 0..1; with two classes a pixel is class 1 where its probability reaches it.
            With more classes the most probable one wins and the threshold is not used.
        tile: largest side of what is given to the network at once, pixels.
        overlap: pixels that neighbouring tiles share, at most a quarter of a tile; logits are blended there.
        precision: ``float32`` or ``int8``.
        input, output: names of the network's input and output.
        provenance: what made this bundle (versions, model, data hash, scores, command).
        checksums: SHA-256 of every other file of the bundle, by name.
    """

    name: str
    classes: ClassTable
    engines: Mapping[str, tuple[str, ...]]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    stride: int = 32
    threshold: float = 0.5
    tile: int = 1024
    overlap: int = 128
    precision: str = "float32"
    input: str = "image"
    output: str = "logits"
    provenance: Mapping[str, Any] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if not self.engines or not all(self.engines.values()):
            raise ValueError("a bundle needs the files of at least one engine")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision {self.precision!r} is not one of {', '.join(PRECISIONS)}")
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold {self.threshold} is not between 0 and 1")
        if self.stride < 1 or self.tile < self.stride or self.tile % self.stride:
            raise ValueError(f"tile {self.tile} is not a multiple of the stride {self.stride}")
        if not 0 <= self.overlap <= self.tile // 4 or self.overlap % self.stride:
            raise ValueError(
                f"overlap {self.overlap} is not a multiple of stride {self.stride} up to a quarter of a tile"
            )

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain values, in the order in which ``bundle.json`` lists them."""
        return {
            "format_version": self.format_version,
            "name": self.name,
            "precision": self.precision,
            "engines": {engine: list(files) for engine, files in self.engines.items()},
            "input": {"name": self.input, "type": "uint8", "layout": "NHWC", "colour": "RGB"},
            "output": {"name": self.output, "type": "float32", "layout": "NCHW"},
            "stride": self.stride,
            "tile": self.tile,
            "overlap": self.overlap,
            "threshold": self.threshold,
            "classes": self.classes.to_json(),
            "normalisation": {"inside_graph": True, "mean": list(self.mean), "std": list(self.std)},
            "provenance": dict(self.provenance),
            "checksums": dict(self.checksums),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BundleManifest:
        """Inverse of :meth:`to_json`.

        Raises:
            ValueError: a key is missing, a value is of the wrong kind, or the format is newer.
        """
        try:
            version = int(value["format_version"])
            if version > FORMAT_VERSION:
                raise _NewerFormat(
                    f"its format version {version} is newer than {FORMAT_VERSION}, the newest this descale "
                    "reads. Update descale, or export the bundle again"
                )
            if value["input"]["layout"] != "NHWC" or value["input"]["type"] != "uint8":
                raise ValueError("its input is not uint8 NHWC")
            mean, std = value["normalisation"]["mean"], value["normalisation"]["std"]
            return cls(
                name=str(value["name"]),
                classes=ClassTable.from_json(value["classes"]),
                engines={str(k): tuple(str(f) for f in files) for k, files in value["engines"].items()},
                mean=(float(mean[0]), float(mean[1]), float(mean[2])),
                std=(float(std[0]), float(std[1]), float(std[2])),
                stride=int(value["stride"]),
                threshold=float(value["threshold"]),
                tile=int(value["tile"]),
                overlap=int(value["overlap"]),
                precision=str(value["precision"]),
                input=str(value["input"]["name"]),
                output=str(value["output"]["name"]),
                provenance=dict(value["provenance"]),
                checksums={str(k): str(v) for k, v in value["checksums"].items()},
                format_version=version,
            )
        except KeyError as error:
            raise ValueError(f"the key {error} is missing") from error
        except (TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"a value is of the wrong kind: {error}") from error


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files were all found and had the right checksums."""

    path: Path
    manifest: BundleManifest

    def read(self, name: str) -> bytes:
        """Content of one of its files.

        Raises:
            BundleError: the file is missing or the zip is damaged.
        """
        return _read(self.path, name)


def open_bundle(path: str | Path) -> Bundle:
    """Open a folder or a zip file and verify it: version, missing files, checksums.

    Whether the class table fits the network is verified when an engine loads the network.

    Raises:
        BundleError: names the file, the reason and the remedy.
    """
    path = Path(path)
    if not path.exists():
        raise BundleError(f"{path}: no such bundle. Give the folder or zip file that `descale export` wrote.")
    try:
        manifest = BundleManifest.from_json(json.loads(_read(path, MANIFEST)))
    except (ValueError, UnicodeDecodeError) as error:
        remedy = "" if isinstance(error, _NewerFormat) else " Copy or export the bundle again."
        raise BundleError(f"{path}: {MANIFEST} cannot be used: {error}.{remedy}") from error
    bundle = Bundle(path, manifest)
    for name in sorted({name for files in manifest.engines.values() for name in files}):
        if name not in manifest.checksums:
            raise BundleError(f"{path}: {MANIFEST} has no checksum for {name}. Export the bundle again.")
    for name, expected in manifest.checksums.items():
        if hashlib.sha256(bundle.read(name)).hexdigest() != expected:
            raise BundleError(
                f"{path}: the checksum of {name} is wrong: it was damaged or changed after the export. "
                "Copy or export the bundle again."
            )
    return bundle


def write_manifest(folder: Path, manifest: BundleManifest) -> BundleManifest:
    """Write ``folder/bundle.json`` with the checksums of every file now in ``folder``; return what it says.

    Write it last: a file added or changed afterwards is not covered, or makes the bundle invalid.

    Raises:
        BundleError: a file of an engine is not in the folder.
    """
    folder = Path(folder)
    names = sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and file.name != MANIFEST
    )
    for files in manifest.engines.values():
        for name in files:
            if name not in names:
                raise BundleError(f"{folder}: {name} is missing, so the bundle would not open.")
    complete = replace(manifest, checksums={name: sha256_of(folder / name) for name in names})
    write_json(folder / MANIFEST, complete.to_json())
    return complete


def pack_bundle(folder: Path, target: Path) -> None:
    """Write the bundle in ``folder`` as one zip file; equal folders give equal zip files."""
    bundle = open_bundle(folder)
    with (
        replacing_file(target) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in (MANIFEST, *bundle.manifest.checksums):
            entry = zipfile.ZipInfo(name, _ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, bundle.read(name))


def _read(path: Path, name: str) -> bytes:
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or "\\" in name:
        raise BundleError(f"{path}: {name!r} points outside the bundle; it cannot be trusted.")
    try:
        if path.is_dir():
            return (path / name).read_bytes()
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(name).file_size > MAX_FILE_BYTES:
                raise BundleError(f"{path}: {name} would unpack to more than 2 GB; this is no bundle.")
            return archive.read(name)
    except (KeyError, FileNotFoundError) as error:
        hint = "Is it a bundle? If so," if name == MANIFEST else "The bundle is incomplete:"
        raise BundleError(f"{path}: {name} is missing. {hint} copy or export it again.") from error
    except zipfile.BadZipFile as error:
        raise BundleError(
            f"{path}: not a bundle (neither a folder nor a readable zip file: {error}). "
            "Copy or export it again."
        ) from error
    except _DAMAGED as error:
        raise BundleError(f"{path}: {name} cannot be read ({error}). Copy or export it again.") from error
