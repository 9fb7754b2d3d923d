"""What ``train`` and ``prune`` share on the command line."""

from __future__ import annotations

import importlib
import re
import textwrap
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

LISTS_THEM = "?"
"""What ``--set`` is given to list the settings."""
WIDTH = 110


def settings_of(
    texts: Sequence[str] | None, section: str, config: type[BaseModel]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``--set`` says for a section of settings, and for the device to run on.

    Raises:
        ConfigError: a key is unknown.
    """
    from descale.base.settings import assigned
    from descale.training.config import DeviceConfig

    keys = {section: list(config.model_fields), "devices": list(DeviceConfig.model_fields)}
    found = assigned(texts or [], keys)
    return found[section], found["devices"]


def listing(describe: Callable[[], str]) -> Callable[[list[str] | None], list[str] | None]:
    """Callback of ``--set`` that prints what it may be given and ends, whatever else is missing."""

    def listed(texts: list[str] | None) -> list[str] | None:
        if LISTS_THEM in (texts or []):
            typer.echo(describe())
            raise typer.Exit
        return texts

    return listed


def training_settings() -> str:
    """What ``descale train --set`` may be given."""
    from descale.training.config import TrainingConfig

    return "\n".join([*_described(TrainingConfig(), leave_out=("epochs", "size")), "", *_of_the_device()])


def pruning_settings() -> str:
    """What ``descale prune --set`` may be given, with the defaults of our recipe."""
    from descale.pruning.config import PruningConfig

    own_options = ("strategy", "sparsity", "budget", "recipe", "recovery_epochs")
    ours = PruningConfig.model_validate({"strategy": "agp", "sparsity": 0.5})
    return "\n".join([*_described(ours, leave_out=own_options), "", *_of_the_device()])


def _of_the_device() -> list[str]:
    from descale.training.config import DeviceConfig

    return _described(DeviceConfig(), leave_out=("workers", "stop_at"))


def _described(config: BaseModel, leave_out: Collection[str]) -> list[str]:
    from descale.base.settings import meanings

    lines = []
    for key, meaning in meanings(type(config)).items():
        if key not in leave_out:
            value = getattr(config, key)
            shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()
            lines.append(f"{key}={shown}")
            lines += textwrap.wrap(
                _with_names(meaning), WIDTH, initial_indent="    ", subsequent_indent="    "
            )
    return lines


def _with_names(meaning: str) -> str:
    """A registry that is referred to is replaced by the names in it."""

    def names(found: re.Match[str]) -> str:
        return ", ".join(getattr(importlib.import_module(found[1]), found[2]))

    return re.sub(r"\bnames? of (descale[\w.]+)\.([A-Z]+)", names, meaning)
