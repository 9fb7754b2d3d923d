"""Members of a package that are imported when they are first asked for, so that one of them stays light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_members(package: str, members: Mapping[str, str]) -> Callable[[str], Any]:
    """A ``__getattr__`` for ``package`` (PEP 562).

    Args:
        package: its ``__name__``.
        members: module of the package -> names it gives, separated by spaces.

    >>> load = lazy_members("json", {"decoder": "JSONDecoder JSONDecodeError"})
    >>> load("JSONDecoder").__module__
    'json.decoder'
    >>> load("Decoder")
    Traceback (most recent call last):
    AttributeError: module 'json' has no attribute 'Decoder'
    """
    modules = {name: module for module, names in members.items() for name in names.split()}

    def load(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return load
