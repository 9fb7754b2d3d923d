"""From the name that a label file uses to a class id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from descale.base.classes import IGNORED
from descale.data.description import Description
from descale.data.problems import UnknownClass


def class_of(
    description: Description,
    name: str,
    *,
    where: str,
    number: int | None = None,
    usual: Mapping[str, int] = MappingProxyType({}),
) -> int:
    """The class that a name, or the number that the file gives it, means; 255 if such pixels are ignored.

    ``label_names`` of the description goes first, then ``ignore``, then class names; upper and lower
    case are alike in the last two. What the format itself gives a meaning (``usual``) comes last. A number is
    never taken for a class that is called by digits.

    Raises:
        UnknownClass: neither is known, or ``label_names`` says two things; ``where`` says in which file.
    """
    numbered = None if number is None else str(number)
    told = {
        key: description.class_id(description.label_names[key])
        for key in (numbered, name)
        if key in description.label_names
    }
    if len(set(told.values())) > 1:
        raise UnknownClass(
            f"{where}: 'label_names' gives number {numbered} one class and name '{name}', which has this "
            "number, another. Write the numbers, or the names, and not both."
        )
    if told:
        return next(iter(told.values()))
    if numbered is not None and numbered in description.ignored_names:
        return IGNORED
    meanings = description.meanings
    if name.casefold() in meanings:
        return meanings[name.casefold()]
    if name in usual:
        return usual[name]
    raise UnknownClass(f"{where}: unknown class '{name}'. {say_what_it_means(name, description.table.names)}")


def say_what_it_means(name: str | int, classes: Iterable[str]) -> str:
    """The remedy for a name without a meaning. It names no class: a copied guess would be a wrong label."""
    key = f"'{name}'" if isinstance(name, str) else name
    return (
        f"Say in dataset.yaml what it means: 'label_names: {{{key}: CLASS}}' with one of the classes "
        f"{', '.join(classes)}, or 'ignore: {key}' to leave such pixels out."
    )
