"""Kinds of data errors that a check tells apart."""

from __future__ import annotations

from descale.base.errors import DataError


class SizeMismatch(DataError):
    """A label belongs to a picture of another size."""


class UnknownClass(DataError):
    """A value, colour or name in a label has no class."""


class WrongUnit(DataError):
    """Outlines are not in pixels of the photo (or, for YOLO, not in shares of it)."""
