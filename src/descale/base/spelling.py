"""A remedy for a misspelt name, in the same words wherever names are asked for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SHOWN = 12
"""Longer lists are shown only where no name is near."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """The nearest known name, and what else there is.

    >>> suggestion("architecure", ["architectures", "encoders"])
    "did you mean 'architectures'? (known: architectures, encoders)"
    >>> suggestion("zzz", ["csv", "wandb"])
    'known: csv, wandb'
    """
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    listed = f"known: {', '.join(names)}"
    if not close:
        return listed
    return f"did you mean '{close[0]}'?" + (f" ({listed})" if len(names) <= SHOWN else "")
