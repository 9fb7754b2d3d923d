"""Settings that a person gave, in Python or on the command line, checked by their own model."""

from __future__ import annotations

import difflib
import inspect
import json
import re
from collections.abc import Mapping, Sequence
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


def by_name(values: Any, section: str) -> dict[str, Any]:
    """Settings that were given as a mapping, or none.

    Raises:
        ConfigError: something else was given.
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise ConfigError(f"{section}={values!r}: give settings by name, such as {section}={{...: ...}}.")
    return dict(values)


def meanings(kind: type[BaseModel]) -> dict[str, str]:
    """What each setting means, from the ``Attributes`` of the docstring, on one line and without markup."""
    _, _, listed = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?= {4}\S)", "\n" + listed):
        names, colon, meaning = entry.strip().partition(": ")
        if colon and names in kind.model_fields:
            found[names] = " ".join(re.sub(r":\w+:(?=`)", "", meaning).replace("`", "").split())
    return found


def require_number(name: str, value: Any) -> None:
    """Refuse what is no number: text would compare with nothing.

    Raises:
        ConfigError: names the setting.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{name} {value!r} is not a number; write it without quotes.")


def require_whole(name: str, value: Any) -> None:
    """Refuse what is no whole number.

    Raises:
        ConfigError: names the setting.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{name} {value!r} is not a whole number.")


def require_text(name: str, value: Any) -> None:
    """Refuse a name that is no text.

    Raises:
        ConfigError: names the setting.
    """
    if not isinstance(value, str):
        raise ConfigError(f"{name} {value!r} is not a name; give one, in quotes.")


def require_seed(seed: Any) -> None:
    """Refuse what is no seed.

    Raises:
        ConfigError: it is not a whole number from 0 to 2**31 - 1.
    """
    require_whole("Seed", seed)
    if not 0 <= seed < 2**31:
        raise ConfigError(f"Seed {seed} is outside 0 to {2**31 - 1}.")


def joined(named: Mapping[str, Any], others: Mapping[str, Any] | None, *, section: str) -> dict[str, Any]:
    """Settings that have a parameter of their own, ``None`` where not given, and the others of their section.

    Raises:
        ConfigError: one that has a parameter of its own stands among the others.

    >>> joined({"epochs": None, "size": 64}, {"ema": None}, section="training")
    {'size': 64, 'ema': None}
    """
    given = by_name(others, section)
    for key in given:
        if key in named:
            raise ConfigError(
                f"{section}.{key} has a place of its own: give --{key.replace('_', '-')} ({key}=...)."
            )
    return {key: value for key, value in named.items() if value is not None} | given


def assigned(texts: Sequence[str], sections: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """Settings written as ``KEY=VALUE``, by their section; of one that is written twice the last counts.

    Args:
        texts: keys plain or with their section, values as in JSON, and words without quotes; ``none`` is no
            value.
        sections: their keys.

    Raises:
        ConfigError: a text is no setting, a key is unknown or in two sections; the nearest keys are named, or
            all.

    >>> assigned(["rate=1e-3", "devices.threads=none"], {"training": ["rate"], "devices": ["threads"]})
    {'training': {'rate': 0.001}, 'devices': {'threads': None}}
    """
    places = [f"{section}.{key}" for section, keys in sections.items() for key in keys]
    found: dict[str, dict[str, Any]] = {section: {} for section in sections}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set {text}: write KEY=VALUE. Keys: {', '.join(places)}.")
        fitting = [place for place in places if name in (place, place.partition(".")[2])]
        if len(fitting) != 1:
            raise ConfigError(f"--set {text}: {_which(name, fitting, places)}.")
        section, _, key = fitting[0].partition(".")
        found[section][key] = _value(value)
    return found


def _which(name: str, fitting: Sequence[str], places: Sequence[str]) -> str:
    if fitting:
        return f"'{name}' is in several sections; write {' or '.join(fitting)}"
    keys = [place.partition(".")[2] for place in places]
    close = difflib.get_close_matches(name.rpartition(".")[2], keys, n=3, cutoff=0.5)
    near = [place for key in dict.fromkeys(close) for place in places if place.partition(".")[2] == key]
    return f"no setting '{name}'; " + (
        f"nearest: {', '.join(near)}" if near else f"keys: {', '.join(places)}"
    )


def _value(text: str) -> Any:
    word = text.strip()
    if word.lower() in ("none", "null", "true", "false"):
        return {"none": None, "null": None, "true": True, "false": False}[word.lower()]
    try:
        return json.loads(word)
    except ValueError:
        return word
