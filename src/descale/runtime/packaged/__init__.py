"""The bundle that lies in the package: what predicts where no other bundle is named."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from descale.base.errors import BundleError

NAME = "corrosion.zip"


def packaged_bundle() -> Path:
    """Path of the bundle in the package; its ``MODEL_CARD.md`` tells what it was trained for.

    Raises:
        BundleError: the package was built without it.
    """
    path = Path(str(files(__package__).joinpath(NAME)))
    if not path.is_file():
        raise BundleError(f"{path} is missing: descale was installed without its model. Name one: --bundle")
    return path


def split_bundle(arguments: list[str]) -> tuple[Path | None, list[str]]:
    """A bundle named before the photos, if there is one, and the photos.

    The first of several arguments is the bundle where it ends in ``.zip`` or is a folder with a
    ``bundle.json``.

    >>> split_bundle(["small.zip", "photos"]), split_bundle(["photos", "more"])
    ((PosixPath('small.zip'), ['photos']), (None, ['photos', 'more']))
    """
    if len(arguments) > 1:
        first = Path(arguments[0])
        if first.suffix.lower() == ".zip" or (first / "bundle.json").is_file():
            return first, arguments[1:]
    return None, arguments
