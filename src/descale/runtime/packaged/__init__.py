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
