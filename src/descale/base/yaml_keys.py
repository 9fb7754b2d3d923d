"""Keys that stand twice in a YAML file: PyYAML keeps the last and says nothing."""

from __future__ import annotations

from dataclasses import dataclass

import yaml


@dataclass(frozen=True)
class RepeatedKey:
    """A key and the lines (from 1) where it stands."""

    key: str
    line: int
    earlier: int

    def __str__(self) -> str:
        return f"'{self.key}' stands here and in line {self.earlier}. Remove one."


def find_repeated_key(node: yaml.Node | None) -> RepeatedKey | None:
    """The first key that stands twice in one mapping, at any depth.

    >>> str(find_repeated_key(yaml.compose("a: 1\\nb: {c: 1, c: 2}")))
    "'c' stands here and in line 2. Remove one."
    """
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = int(key.start_mark.line) + 1
            if key.value in seen:
                return RepeatedKey(str(key.value), line, seen[key.value])
            seen[key.value] = line
            if found := find_repeated_key(value):
                return found
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            if found := find_repeated_key(value):
                return found
    return None
