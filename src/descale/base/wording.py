"""What pydantic says about the shape of a value, in the words of a person who writes YAML."""

from __future__ import annotations

import reprlib
from typing import Any

LISTS = frozenset({"list_type", "tuple_type", "set_type", "frozen_set_type"})
SECTIONS = frozenset({"model_type", "model_attributes_type", "dict_type", "mapping_type", "dataclass_type"})


def shape_message(item: Any) -> str | None:
    """A message for a value of the wrong shape, with the fix; ``None`` for errors of another kind.

    Args:
        item: an entry of ``ValidationError.errors()``.

    >>> shape_message({"type": "tuple_type", "input": "mlflow"})
    'expected a list; write [mlflow]'
    >>> shape_message({"type": "model_type", "input": 5})
    "expected 'key: value' lines below it, or {key: value}, not 5"
    """
    given = item.get("input")
    if item["type"] in LISTS:
        return (
            "expected a list; write [...]"
            if isinstance(given, dict)
            else f"expected a list; write [{_short(given)}]"
        )
    if item["type"] in SECTIONS:
        return f"expected 'key: value' lines below it, or {{key: value}}, not {reprlib.repr(given)}"
    return None


def _short(given: Any) -> str:
    return given if isinstance(given, str) else reprlib.repr(given)
