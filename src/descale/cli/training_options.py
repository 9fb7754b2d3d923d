"""What ``train`` and ``prune`` share on the command line: settings, devices, the check of the data."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel

    from descale.data import Dataset
    from descale.training import DeviceConfig

logger = logging.getLogger(__name__)

RECORD = "run.json"
"""Settings of the run in a folder."""

LOCK = "run.lock"
"""Held while a process works there."""


def parse_size(text: str) -> tuple[int, int]:
    """``160`` or ``160x192`` (height x width) in pixels.

    Raises:
        ConfigError: it is neither.

    >>> parse_size("160x192")
    (160, 192)
    """
    from descale.base.errors import ConfigError

    parts = text.lower().split("x")
    if len(parts) not in (1, 2) or not all(part.isdigit() for part in parts):
        raise ConfigError(f"Size '{text}' is not understood; write 160 or 160x192 (height x width).")
    return int(parts[0]), int(parts[-1])


Config = TypeVar("Config", bound="BaseModel")


def validated(kind: type[Config], values: dict[str, Any]) -> Config:
    """Build a settings object from options, leaving out those not given.

    Raises:
        ConfigError: a value is out of range or unknown; the first problem is named.
    """
    from pydantic import ValidationError

    from descale.base.errors import ConfigError

    try:
        return kind.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        message = first["msg"].removeprefix("Value error, ")
        got = "" if isinstance(first["input"], dict) else f" (got {first['input']!r})"
        raise ConfigError(f"{where}: {message}{got}.") from None


def devices(
    accelerator: str, count: str, precision: str, threads: int | None, workers: int, progress: bool
) -> DeviceConfig:
    """Where to run, from the options that both commands have.

    Raises:
        ConfigError: a value is unknown, or this machine does not have what it asks for.
    """
    from descale.training import DeviceConfig
    from descale.training.devices import check_devices

    values = {
        "accelerator": accelerator,
        "devices": int(count) if count.lstrip("-").isdigit() else count,
        "precision": precision,
        "threads": threads,
        "workers": workers,
        "progress": progress,
    }
    found = validated(DeviceConfig, values)
    check_devices(found)
    return found


def checked_dataset(data: str, *, binary: bool, accept_problems: bool) -> Dataset:
    """Load a data set and refuse it if a result on it would be false.

    Raises:
        DataError: the check found falsifying problems and they were not accepted.
    """
    from descale.base.errors import DataError
    from descale.data import load_dataset
    from descale.data.check import check_dataset

    dataset = load_dataset(data, binary=binary)
    report = check_dataset(data)
    if report.falsifying:
        kinds = ", ".join(sorted({finding.kind for finding in report.falsifying}))
        if not accept_problems:
            raise DataError(
                f"{data}: {len(report.falsifying)} problems would falsify a result ({kinds}). "
                f"See them with: descale data check {data} - or go on with --accept-problems."
            )
        logger.warning("going on with %d problems of the data: %s", len(report.falsifying), kinds)
    return dataset


@contextmanager
def claimed_folder(out: Path, settings: dict[str, Any]) -> Iterator[None]:
    """Make ``out`` the folder of a run, or continue the run of the same settings that is in it.

    Nobody else can work in it until the block ends. A run that failed before it wrote anything but its
    settings binds nobody to them.

    Raises:
        ConfigError: it holds something else, a run of other settings, or one that is at work.
        DescaleError: it cannot be made.
    """
    from lightning.pytorch.utilities import rank_zero_only

    from descale.base.errors import ConfigError, StudyError
    from descale.base.files import make_folder

    if out.is_file():
        raise ConfigError(f"{out} is a file; give a folder.")
    make_folder(out)
    if not (out / RECORD).is_file() and any(entry.name != LOCK for entry in out.iterdir()):
        raise ConfigError(f"{out} is not empty and holds no earlier run; give another folder.")
    if rank_zero_only.rank != 0:  # started by the process that holds the claim, to use another device
        yield
        return
    with ExitStack() as held:
        try:
            from descale.base.claims import claim

            mine = held.enter_context(claim(out / LOCK))
        except (ModuleNotFoundError, StudyError) as error:  # Windows, or a file system without locks
            logger.warning("%s cannot be locked (%s); let nothing else work in it", out, error)
            mine = True
        if not mine:
            raise ConfigError(f"Another process is at work in {out}. Wait for it, or give another --out.")
        _record_settings(out, settings)
        yield


def _record_settings(out: Path, settings: dict[str, Any]) -> None:
    from descale.base.errors import ConfigError
    from descale.base.files import write_json

    record = out / RECORD
    if record.is_file():
        try:
            earlier = dict(json.loads(record.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"{record} is damaged ({error}), so the run cannot be continued. Give another --out."
            ) from error
        changed = sorted(key for key in settings if earlier.get(key) != settings[key])
        begun = any(entry.name not in (RECORD, LOCK) for entry in out.iterdir())
        if changed and begun:
            raise ConfigError(
                f"{out} holds a run with other settings ({', '.join(changed)}). Give another --out, or "
                "the settings of that run to continue it."
            )
        if begun:
            logger.info("continuing the run in %s", out)
    write_json(record, settings)
