"""A description of a data set from its file; what is wrong in it is told with its line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from descale.base.errors import DataError
from descale.base.files import NotText, read_text
from descale.base.located_yaml import find_repeated_key
from descale.base.spelling import suggestion
from descale.base.wording import shape_message
from descale.data.description import ClassEntry, Description, Splits
from descale.data.scenes import SCENE_RULES


def read_description(path: Path) -> Description:
    """Read and validate a description file (YAML).

    Raises:
        DataError: not readable, not YAML, an unknown or repeated key, a wrong value; names line and fix.
    """
    try:
        text = read_text(path)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except NotText as error:
        raise DataError(f"{path}: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error
    except RecursionError as error:
        raise DataError(f"{path}: nested too deep; docs/data.md has an example.") from error
    except ValueError as error:  # such as a date that does not exist
        raise DataError(f"{path}: not valid YAML ({error}). Put the value in quotes.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise DataError(f"{path}{line}: not valid YAML ({getattr(error, 'problem', error)}).") from error
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected 'key: value' lines; docs/data.md has an example.")
    if repeated := find_repeated_key(node):
        raise DataError(f"{path}:{repeated.line}: {repeated}")
    value.setdefault("name", path.parent.resolve().name if path.stem == "dataset" else path.stem)
    try:
        return Description.model_validate(value)
    except ValidationError as error:
        messages = [_explain(path, node, item) for item in error.errors()]
        raise DataError("\n".join(messages)) from error


def _explain(path: Path, node: yaml.Node | None, item: Any) -> str:
    cause = item.get("ctx", {}).get("error")
    location: tuple[str | int, ...] = tuple(item["loc"])
    message = str(cause or item["msg"])
    if isinstance(cause, ValueError) and ":" in message and not location:
        location = (message.split(":", 1)[0],)  # checks that span settings name theirs first
    if item["type"] == "extra_forbidden":
        message = f"unknown key; {suggestion(str(location[-1]), _keys_at(location))}"
    elif item["type"] == "missing":
        message = "is missing; add it"
    elif shape := shape_message(item):
        message = shape
    elif isinstance(item.get("input"), (str, int, float)) and cause is None:
        message = f"{message}, not {item['input']!r}"
    where = ".".join(str(part) for part in location)
    prefix = "" if message.startswith(f"{where}:") else f"{where}: "
    return f"{path}:{_line(node, location)}: {prefix}{message}"


def _keys_at(location: Sequence[str | int]) -> list[str]:
    """Keys that may stand where an unknown one does."""
    if len(location) == 1:
        return list(Description.model_fields)
    if location[0] == "splits":
        return list(Splits.model_fields)
    if location[0] == "groups":
        rules = {get_args(rule.model_fields["rule"].annotation)[0]: rule for rule in SCENE_RULES}
        return list(rules[location[1]].model_fields)
    return list(ClassEntry.model_fields)


def _line(node: yaml.Node | None, location: tuple[str | int, ...]) -> int:
    line = int(node.start_mark.line) if node else 0
    for part in location:
        if isinstance(node, yaml.MappingNode):
            entry = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if entry is None:  # discriminators and missing keys have no place of their own
                continue
            line, node = int(entry[0].start_mark.line), entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = int(node.start_mark.line)
    return line + 1
