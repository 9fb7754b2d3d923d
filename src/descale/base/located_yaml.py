"""Read a YAML file into a frozen pydantic model; every error names the line and the fix."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from descale.base.errors import StudyError
from descale.base.spelling import suggestion
from descale.base.wording import shape_message

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str | int, ...]

SHOWN_ERRORS = 5


class LocatedError(ValueError):
    """A wrong value at a place inside the document, raised by checks that span several settings."""

    def __init__(self, location: Location, message: str) -> None:
        super().__init__(message)
        self.location = location


@dataclass(frozen=True)
class RepeatedKey:
    """A key that stands twice, and the lines (from 1) where: PyYAML keeps the last and says nothing."""

    key: str
    line: int
    earlier: int

    def __str__(self) -> str:
        return f"'{self.key}' stands here and in line {self.earlier}. Remove one."


def find_repeated_key(node: yaml.Node | None, known: set[int] | None = None) -> RepeatedKey | None:
    """The first key that stands twice in one mapping, at any depth; ``known`` are nodes that were looked at:
    an alias stands for one of them.

    >>> str(find_repeated_key(yaml.compose("a: 1\\nb: {c: 1, c: 2}")))
    "'c' stands here and in line 2. Remove one."
    """
    known = set() if known is None else known
    if id(node) in known:
        return None
    known.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = int(key.start_mark.line) + 1
            if key.value in seen:
                return RepeatedKey(str(key.value), line, seen[key.value])
            seen[key.value] = line
            if found := find_repeated_key(value, known):
                return found
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            if found := find_repeated_key(value, known):
                return found
    return None


def parse(text: str, model: type[Model], source: Path) -> Model:
    """Parse and validate ``text``, which came from ``source``.

    Raises:
        StudyError: not YAML, a repeated or unknown key, a missing or wrong value; the message holds
            one line ``file:line: key: what, and the fix`` per error.
    """
    root, document = _document(text, source)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        items = _causes(error)
        found = [_explain(root, model, source, item) for item in items]
    lines = list(dict.fromkeys(found))
    hidden = len(lines) - SHOWN_ERRORS
    if hidden > 0:
        lines = [*lines[:SHOWN_ERRORS], f"... and {hidden} more"]
    raise StudyError("\n".join(lines))


def line_of(text: str, location: Sequence[str | int]) -> int:
    """Line (from 1) of the deepest part of ``location`` that stands in the document.

    >>> line_of("name: x\\nseeds: [0,\\n  1]", ("seeds", 1))
    3
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return _line(root, location) if root is not None else 1


def _document(text: str, source: Path) -> tuple[yaml.Node, Mapping[str, Any]]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except RecursionError as error:
        raise StudyError(
            f"{source}: nested too deep. Start from a file in the folder experiments/."
        ) from error
    except ValueError as error:  # such as a date that does not exist
        raise StudyError(f"{source}: this is not valid YAML ({error}). Put the value in quotes.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error)
        raise StudyError(
            f"{source}{line}: this is not valid YAML ({reason}). Check the indentation, colons and quotes."
        ) from error
    if root is None or not isinstance(document, Mapping):
        raise StudyError(
            f"{source}: expected 'key: value' lines. Start from a file in the folder experiments/."
        )
    if repeated := find_repeated_key(root):
        raise StudyError(f"{source}:{repeated.line}: {repeated}")
    return root, document


def _line(node: yaml.Node, location: Sequence[str | int]) -> int:
    line = int(node.start_mark.line) + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            entry = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if entry is None:
                return line
            line = int(entry[0].start_mark.line) + 1
            node = entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = int(node.start_mark.line) + 1
        else:
            return line
    return line


def _causes(error: ValidationError) -> list[Any]:
    """Errors without those that merely follow from one inside them (a list left empty by a bad entry)."""
    items = error.errors()
    places = [tuple(item["loc"]) for item in items]
    return [
        item
        for item, place in zip(items, places, strict=True)
        if not any(len(other) > len(place) and other[: len(place)] == place for other in places)
    ]


def _explain(root: yaml.Node, model: type[BaseModel], source: Path, item: Any) -> str:
    location: Location = tuple(item["loc"])
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, LocatedError):
        location = (*location, *cause.location)
    name = ".".join(str(part) for part in location)
    where = f"{source}:{_line(root, location)}"
    if item["type"] == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        return f"{where}: unknown key '{name}'; {suggestion(str(location[-1]), known)}"
    if item["type"] == "missing":
        return f"{where}: '{name}' is missing; add a line '{location[-1]}: ...'"
    message = str(cause) if isinstance(cause, ValueError) else str(item["msg"])
    given = item.get("input")
    expected = item.get("ctx", {}).get("expected")
    if item["type"] == "literal_error" and isinstance(given, str) and expected:
        message = f"unknown value '{given}'; {suggestion(given, _quoted(expected))}"
    elif shape := shape_message(item):
        message = shape
    elif not isinstance(cause, ValueError) and isinstance(given, (str, int, float, bool)):
        message = f"{message}, not {given!r}"
    return f"{where}: {name}: {message}" if name else f"{where}: {message}"


def _quoted(expected: str) -> list[str]:
    return [word for i, word in enumerate(expected.split("'")) if i % 2]


def _keys_at(model: type[BaseModel], location: Location) -> list[str]:
    annotation: Any = model
    for part in location:
        annotation = _inner(annotation, part)
        if annotation is None:
            return []
    found = _model_in(annotation)
    return list(found.model_fields) if found else []


def _inner(annotation: Any, part: str | int) -> Any:
    found = _model_in(annotation)
    if found is not None:
        field = found.model_fields.get(str(part))
        return field.annotation if field else None
    arguments = typing.get_args(annotation)
    return arguments[0] if isinstance(part, int) and arguments else None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        candidates = [_model_in(argument) for argument in typing.get_args(annotation)]
        return next((candidate for candidate in candidates if candidate), None)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None
