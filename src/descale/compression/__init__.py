"""From labelled photos to a bundle within limits: dense parents, a search, recovery, export."""

from typing import TYPE_CHECKING

from descale.base.lazy import lazy_members

if TYPE_CHECKING:
    from descale.compression.request import Limits, Request
    from descale.compression.run import Compressed, compress

__all__ = ["Compressed", "Limits", "Request", "compress"]

__getattr__ = lazy_members(__name__, {"request": "Limits Request", "run": "Compressed compress"})
