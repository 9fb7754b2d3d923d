"""From the name that a label file uses to a class id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from descale.data.description import Description
from descale.data.problems import UnknownClass


def class_of(
    description: Description, *spellings: str, where: str, usual: Mapping[str, int] = MappingProxyType({})
) -> int:
    """The class that one of the spellings (name, number) means; 255 if such pixels are to be ignored.

    ``label_names`` of the description goes first, then ``ignore``, then class names; upper and lower
    case are alike in the last two. What the format itself gives a meaning (``usual``) comes last.

    Raises:
        UnknownClass: none of them is known; ``where`` says in which file.
    """
    for spelling in spellings:
        if spelling in description.label_names:
            return description.class_id(description.label_names[spelling])
    meanings = description.meanings
    for spelling in spellings:
        if spelling.casefold() in meanings:
            return meanings[spelling.casefold()]
    for spelling in spellings:
        if spelling in usual:
            return usual[spelling]
    remedy = say_what_it_means(spellings[-1], description.table.names)
    raise UnknownClass(f"{where}: unknown class '{spellings[-1]}'. {remedy}")


def say_what_it_means(name: str | int, classes: Iterable[str]) -> str:
    """The remedy for a name without a meaning. It names no class: a copied guess would be a wrong label."""
    key = f"'{name}'" if isinstance(name, str) else name
    return (
        f"Say in dataset.yaml what it means: 'label_names: {{{key}: CLASS}}' with one of the classes "
        f"{', '.join(classes)}, or 'ignore: {key}' to leave such pixels out."
    )
