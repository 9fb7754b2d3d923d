"""A remedy for a misspelt name, in the same words wherever names are asked for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggestion(word: str, known: Iterable[str]) -> str:
    """The nearest known name, or the whole list.

    >>> suggestion("architecure", ["architectures", "encoders"])
    "did you mean 'architectures'?"
    >>> suggestion("zzz", ["csv", "wandb"])
    'known: csv, wandb'
    """
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(names)}"
