"""Settings that a person gave, in Python or on the command line, checked by their own model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from descale.base.errors import ConfigError
from descale.base.spelling import suggestion
from descale.base.wording import shape_message

if TYPE_CHECKING:
    from pydantic import BaseModel

Settings = TypeVar("Settings", bound="BaseModel")


def validated(kind: type[Settings], values: Mapping[str, Any], *, section: str) -> Settings:
    """Build a settings object.

    Args:
        kind: its class.
        values: by name of the setting; the others keep their default.
        section: what these settings are called, such as ``training``.

    Raises:
        ConfigError: a value is unknown or out of range; the first problem is named.
    """
    from pydantic import ValidationError

    unknown = next((key for key in values if key not in kind.model_fields), None)
    if unknown is not None:
        raise ConfigError(f"{section}.{unknown}: no such setting; {suggestion(unknown, kind.model_fields)}.")
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        item: dict[str, Any] = dict(error.errors()[0])
        place = ".".join([section, *map(str, item["loc"])])
        given = item["input"]
        message = shape_message(item) or item["msg"].removeprefix("Value error, ")
        got = "" if isinstance(given, dict) or shape_message(item) else f" (got {given!r})"
        raise ConfigError(f"{place}: {message}{got}.") from None


def joined(named: Mapping[str, Any], others: Mapping[str, Any] | None, *, section: str) -> dict[str, Any]:
    """Settings that have a parameter of their own, ``None`` where not given, and the others of their section.

    Raises:
        ConfigError: one that has a parameter of its own stands among the others.

    >>> joined({"epochs": None, "size": 64}, {"ema": None}, section="training")
    {'size': 64, 'ema': None}
    """
    for key in others or {}:
        if key in named:
            raise ConfigError(
                f"{section}.{key} has a place of its own: give --{key.replace('_', '-')} ({key}=...)."
            )
    return {key: value for key, value in named.items() if value is not None} | dict(others or {})
