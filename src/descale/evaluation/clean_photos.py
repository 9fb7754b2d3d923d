"""Photos without any corrosion: a folder of them, without labels."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

from descale.base.content import content_of_file
from descale.base.errors import DataError
from descale.base.fingerprint import content_hash
from descale.base.home import expanded
from descale.base.photo import PHOTO_SUFFIXES, is_hidden
from descale.base.walk import Walk
from descale.data.source import DESCRIPTION_FILES

logger = logging.getLogger(__name__)

LABELS = ("masks", "labels", "_annotations.coco.json", *DESCRIPTION_FILES)
"""Files and folders that tell a labelled data set."""


@dataclass(frozen=True)
class CleanPhotos:
    """A folder of photos without corrosion.

    Attributes:
        folder: where they lie.
        photos: all below it, sorted; hidden ones are left out.
        unread: why, of each picture of a kind that is not read.
    """

    folder: Path
    photos: tuple[Path, ...]
    unread: tuple[str, ...]

    def name(self, photo: Path) -> str:
        """A photo's path below the folder, with slashes."""
        return photo.relative_to(self.folder).as_posix()

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) over names and contents; where the folder lies does not enter.

        Of a photo that may not be read, which is left out of every measurement, the name alone does.
        """
        digest = hashlib.sha256()
        for photo in self.photos:
            digest.update(json.dumps(self.name(photo)).encode())
            with contextlib.suppress(DataError):
                digest.update(content_hash(photo))
        return digest.hexdigest()


def find_clean_photos(folder: str | Path) -> CleanPhotos:
    """List the photos below a folder, linked folders too; none is decoded.

    Raises:
        DataError: there is no such folder, it is a labelled data set, or it holds no photo.
    """
    root = expanded(folder)
    if not root.is_dir():
        kind = "a file, not a folder" if root.exists() else "no such folder"
        raise DataError(f"{root}: {kind}. Name a folder of photos without corrosion.")
    photos, unread = [], []
    walk = Walk()
    walk.add(root)
    for path in sorted(place.path for place in walk.files):
        inner = path.relative_to(root)
        if is_hidden(inner):
            continue
        if label := next((part for part in inner.parts if part in LABELS), None):
            raise DataError(
                f"{root} is a labelled data set: it holds {label}. Name a folder of nothing but photos "
                "without corrosion; a model is scored on a labelled set by descale evaluate --data."
            )
        if path.suffix.lower() in PHOTO_SUFFIXES:
            photos.append(path)
        elif (content := content_of_file(path)) is not None and not content.film:
            unread.append(f"{path}: {content.name} under the ending '{path.suffix}'. Convert it to JPEG.")
    for path, why in walk.lost.items():
        if not is_hidden(path.relative_to(root)):
            logger.warning("passed over %s", why)
    if not photos:
        kinds = ", ".join(sorted(PHOTO_SUFFIXES))
        remedy = f"The first of {len(unread)} others is {unread[0]}" if unread else "Check the path."
        raise DataError(f"{root} holds no photo ({kinds}). {remedy}")
    return CleanPhotos(root, tuple(photos), tuple(unread))
