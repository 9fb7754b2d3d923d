"""The folder of a run: one process at a time, and one set of settings from its first day to its last."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from descale import __version__
from descale.base.errors import ConfigError, StudyError
from descale.base.files import make_folder, sha256_of, write_json
from descale.pruning.config import without_removed

logger = logging.getLogger(__name__)

RECORD = "run.json"
"""Settings of the run in a folder."""

LOCK = "run.lock"
"""Held while a process works there."""

CHECKED = "checked.json"
"""Which data passed their check when the run began: a continuation need not read every photo for it."""


@contextmanager
def claimed_folder(out: Path, settings: Mapping[str, Any]) -> Iterator[None]:
    """Make ``out`` the folder of a run, or continue the run of the same settings that is in it.

    Nobody else can work in it until the block ends. A run that failed before it wrote anything but its
    settings binds nobody to them.

    Raises:
        ConfigError: it holds something else, a run of other settings, or one that is at work.
        DescaleError: it cannot be made.
    """
    if out.is_file():
        raise ConfigError(f"{out} is a file; give a folder.")
    make_folder(out)
    if not (out / RECORD).is_file() and any(entry.name not in (LOCK, CHECKED) for entry in out.iterdir()):
        raise ConfigError(f"{out} is not empty and holds no earlier run; give another folder.")
    with ExitStack() as held:
        try:
            from descale.base.claims import claim

            mine = held.enter_context(claim(out / LOCK))
        except (ModuleNotFoundError, StudyError) as error:  # Windows, or a file system without locks
            logger.warning("%s cannot be locked (%s); let nothing else work in it", out, error)
            mine = True
        if not mine:
            raise ConfigError(f"Another run is at work in {out}. Wait for it, or give another folder.")
        _record_settings(out, settings)
        yield


def content_of_weights(encoder_weights: str) -> dict[str, str]:
    """A setting for the content of a file of encoder weights, which may change under its name; none for
    ``none`` and ``imagenet``, which say what they are."""
    path = Path(encoder_weights)
    return {"encoder_weights_sha256": sha256_of(path)} if path.is_file() else {}


def has_passed(out: Path, fingerprint: str) -> bool:
    """Whether these data passed the check of this version when a run began in ``out``."""
    try:
        return bool(json.loads((out / CHECKED).read_text(encoding="utf-8")) == _passed(fingerprint))
    except (OSError, ValueError):
        return False


def remember_passed(out: Path, fingerprint: str) -> None:
    """Write down that these data passed."""
    write_json(out / CHECKED, _passed(fingerprint))


def _passed(fingerprint: str) -> dict[str, str]:
    return {"data": fingerprint, "descale": __version__}


def _record_settings(out: Path, settings: Mapping[str, Any]) -> None:
    record = out / RECORD
    if record.is_file():
        try:
            earlier = dict(json.loads(record.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"{record} is damaged ({error}), so the run cannot be continued. Give another folder."
            ) from error
        changed = sorted(key for key in settings if _present(earlier.get(key)) != settings[key])
        begun = any(entry.name not in (RECORD, LOCK, CHECKED) for entry in out.iterdir())
        if changed and begun:
            raise ConfigError(
                f"{out} holds a run with other settings ({', '.join(changed)}). Give another folder, or "
                "the settings of that run to continue it."
            )
        if begun:
            logger.info("continuing the run in %s", out)
    write_json(record, settings)


def _present(value: Any) -> Any:
    """A setting as a run recorded it, without what an earlier version knew and did not use."""
    try:
        return without_removed(value) if isinstance(value, dict) else value
    except ValueError:
        return value
