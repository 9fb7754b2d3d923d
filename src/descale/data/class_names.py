"""From the name that a label file uses to a class id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from descale.base.classes import IGNORED
from descale.data.description import Description
from descale.data.problems import UnknownClass


def class_of(
    description: Description, name: str, *, where: str, usual: Mapping[str, int] = MappingProxyType({})
) -> int:
    """The class that a name in a label file means; 255 if such pixels are ignored.

    ``label_names`` of the description goes first, then ``ignore``, then class names; upper and lower
    case are alike in the last two. What the format itself gives a meaning (``usual``) comes last.

    Raises:
        UnknownClass: it is not known; ``where`` says in which file.
    """
    if name in description.label_names:
        return description.class_id(description.label_names[name])
    meanings = description.meanings
    if name.casefold() in meanings:
        return meanings[name.casefold()]
    if name in usual:
        return usual[name]
    raise UnknownClass(f"{where}: unknown class '{name}'. {say_what_it_means(name, description.table.names)}")


def classes_of(description: Description, names: Mapping[int, str], *, where: str) -> dict[int, int]:
    """The classes of a file that numbers its names: number -> class.

    ``label_names`` and ``ignore`` may speak of numbers or of names. A class that is called by digits is no
    number. Where digits are names too, ``label_names`` is read as what all of its keys can be.

    Raises:
        UnknownClass: a name is not known, or ``label_names`` can be read in two ways.
    """
    told = description.label_names
    may_be_numbers, may_be_names = told.keys() <= set(map(str, names)), told.keys() <= set(names.values())
    found = {}
    for number, name in names.items():
        keys = [key for key in (str(number), name) if key in told]
        if len({told[key] for key in keys}) > 1:
            if may_be_numbers == may_be_names:
                raise UnknownClass(
                    f"{where}: 'label_names' can mean the numbers or the names, which are digits too: number "
                    f"{number} is called '{name}'. Leave it out, and call the classes by these names."
                )
            keys = [str(number) if may_be_numbers else name]
        if keys:
            found[number] = description.class_id(told[keys[0]])
        elif str(number) in description.ignored_names:
            found[number] = IGNORED
        else:
            found[number] = class_of(description, name, where=where)
    return found


def say_what_it_means(name: str | int, classes: Iterable[str]) -> str:
    """The remedy for a name without a meaning. It names no class: a copied guess would be a wrong label."""
    key = f"'{name}'" if isinstance(name, str) else name
    return (
        f"Say in dataset.yaml what it means: 'label_names: {{{key}: CLASS}}' with one of the classes "
        f"{', '.join(classes)}, or 'ignore: {key}' to leave such pixels out."
    )
