"""Which of the words of ``descale predict`` is the bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from descale.base.errors import ConfigError
from descale.cli.predict import split_bundle


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_a_bundle_may_stand_before_the_photos(kind: str, tiny_bundle: Path, tmp_path: Path) -> None:
    named = str(tiny_bundle) if kind == "folder" else "some.zip"
    assert split_bundle([named, "photos"]) == (Path(named), ["photos"])


def test_a_bundle_without_photos_is_refused(tiny_bundle: Path) -> None:
    for named in (str(tiny_bundle), "some.zip"):
        with pytest.raises(ConfigError, match="name the photos"):
            split_bundle([named])


def test_a_folder_of_photos_is_no_bundle(photos: Path) -> None:
    assert split_bundle([str(photos), "more"]) == (None, [str(photos), "more"])
