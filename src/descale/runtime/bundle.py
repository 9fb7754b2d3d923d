"""The bundle: a network and all that is needed to use it, in one folder or one zip file.

Layout::

    bundle.json      its description (:class:`descale.runtime.manifest.BundleManifest`)
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
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from descale.base.errors import BundleError
from descale.base.files import replacing_file, sha256_of, write_json
from descale.runtime.manifest import BundleManifest, NewerFormatError

MANIFEST = "bundle.json"
MODEL = "model.json"
"""In the folder of a model that training leaves."""
MAX_FILE_BYTES, MAX_MANIFEST_BYTES = 2 << 30, 16 << 20
"""A zip that claims more than this of a file, or of the manifest, is not one of ours."""
_DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
)  # as zipfile reports it
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # constant, so that equal folders give equal zip files


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


def is_bundle(path: Path) -> bool:
    """Whether a path is meant as a bundle: a zip file, or a folder with a manifest. Nothing is verified."""
    return path.suffix.lower() == ".zip" or (path / MANIFEST).is_file()


def is_unexported(path: Path) -> bool:
    """Whether a folder is a model as training leaves it, which has to be exported first."""
    return (path / MODEL).is_file() and not (path / MANIFEST).is_file()


def open_bundle(path: str | Path) -> Bundle:
    """Open a folder or a zip file and verify it: version, missing files, checksums.

    Whether the class table fits the network is verified when an engine loads the network.

    Raises:
        BundleError: names the file, the reason and the remedy.
    """
    path = Path(path)
    if not path.exists():
        raise BundleError(f"{path}: no such bundle. Give the folder or zip file that `descale export` wrote.")
    if is_unexported(path):
        raise BundleError(
            f"{path} is a model as training leaves it, not a bundle. Make one where torch is: "
            f"descale export {path} --to onnx --out {path.parent.name or 'model'}.zip"
        )
    try:
        manifest = BundleManifest.from_json(json.loads(_read(path, MANIFEST)))
    except (ValueError, RecursionError) as error:  # a file of brackets alone nests too deep
        remedy = "" if isinstance(error, NewerFormatError) else " Copy or export the bundle again."
        raise BundleError(f"{path}: {MANIFEST} cannot be used: {error}.{remedy}") from error
    bundle = Bundle(path, manifest)
    for name in sorted({name for files in manifest.engines.values() for name in files}):
        if name not in manifest.checksums:
            raise BundleError(f"{path}: {MANIFEST} has no checksum for {name}. Export the bundle again.")
    for name, expected in manifest.checksums.items():
        if _sha256(path, name) != expected:
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
    with _opened(path, name) as stream:
        return stream.read()


def _sha256(path: Path, name: str) -> str:
    digest = hashlib.sha256()
    with _opened(path, name) as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    """One of the files of a bundle.

    Raises:
        BundleError: it is missing, outside, too large, or the zip is damaged.
    """
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or "\\" in name:
        raise BundleError(f"{path}: {name!r} points outside the bundle; it cannot be trusted.")
    try:
        if path.is_dir():
            with (path / name).open("rb") as stream:
                yield stream
            return
        with zipfile.ZipFile(path) as archive:
            most = MAX_MANIFEST_BYTES if name == MANIFEST else MAX_FILE_BYTES
            if archive.getinfo(name).file_size > most:
                raise BundleError(
                    f"{path}: {name} would unpack to more than {most >> 20} MB; this is no bundle."
                )
            with archive.open(name) as stream:
                yield stream
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
