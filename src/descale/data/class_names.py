"""From the name that a label file uses to a class id."""

from __future__ import annotations

import difflib

from descale.data.description import Description
from descale.data.problems import UnknownClass


def class_of(description: Description, *spellings: str, where: str) -> int:
    """The class that one of the spellings (name, number) means.

    ``label_names`` of the description goes first, then class names, upper and lower case alike.

    Raises:
        UnknownClass: none of them is known; ``where`` says in which file.
    """
    names = description.table.names
    for spelling in spellings:
        if spelling in description.label_names:
            return names.index(description.label_names[spelling])
    folded = [name.casefold() for name in names]
    for spelling in spellings:
        if spelling.casefold() in folded:
            return folded.index(spelling.casefold())
    shown = spellings[-1]
    near = difflib.get_close_matches(shown.casefold(), folded, n=1)
    target = names[folded.index(near[0])] if near else names[description.table.corrosion_ids[0]]
    raise UnknownClass(
        f"{where}: unknown class '{shown}'; classes are {', '.join(names)}. "
        f"Say what it means in dataset.yaml: label_names: {{'{shown}': {target}}}."
    )
