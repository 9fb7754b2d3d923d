"""The decoder architectures by name: the five of the study, and those that end at half resolution.

A new one is one new line here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from descale.base.errors import ModelError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Architecture:
    """One decoder family.

    Attributes:
        name: how it is written in study files and on the command line.
        title: how it is written in reports.
        decoder: class of segmentation_models_pytorch that builds it.
        help: what sets it apart, for help texts.
        half: its decoder ends at half the picture's resolution, and its logits are enlarged by 2.
    """

    name: str
    title: str
    decoder: str
    help: str
    half: bool = False

    @property
    def constructor(self) -> Callable[..., nn.Module]:
        """Class that builds it; looked up when it is needed, so that names and titles load without torch."""
        import segmentation_models_pytorch as smp

        constructor: Callable[..., nn.Module] = getattr(smp, self.decoder)
        return constructor


ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture("unet", "U-Net", "Unet", "skips are concatenated"),
        Architecture("unetplusplus", "U-Net++", "UnetPlusPlus", "nested skips, the costliest"),
        Architecture("fpn", "FPN", "FPN", "a pyramid whose levels are summed"),
        Architecture("linknet", "LinkNet", "Linknet", "skips are added, the cheapest"),
        Architecture("manet", "MA-Net", "MAnet", "attention over positions and channels"),
        Architecture("unet-half", "U-Net half", "Unet", "U-Net that ends at half resolution", half=True),
        Architecture(
            "unetplusplus-half",
            "U-Net++ half",
            "UnetPlusPlus",
            "U-Net++ that ends at half resolution",
            half=True,
        ),
        Architecture(
            "linknet-half", "LinkNet half", "Linknet", "LinkNet that ends at half resolution", half=True
        ),
        Architecture("manet-half", "MA-Net half", "MAnet", "MA-Net that ends at half resolution", half=True),
    )
}


def half_of(name: str) -> str | None:
    """Name of the network that ends at half resolution where this one goes on; ``None`` where there is none.

    >>> half_of("unet"), half_of("fpn")
    ('unet-half', None)
    """
    half = f"{name}-half"
    return half if half in ARCHITECTURES else None


def find_architecture(name: str) -> Architecture:
    """Look an architecture up by name.

    Raises:
        ModelError: the name is unknown; the nearest names are given.

    >>> find_architecture("unet").title
    'U-Net'
    """
    try:
        return ARCHITECTURES[name]
    except KeyError:
        plain = name.lower().replace("-", "").replace("_", "").replace("+", "plus")
        near = difflib.get_close_matches(plain, ARCHITECTURES, n=3, cutoff=0.4)
        hint = f"Did you mean {' or '.join(near)}?" if near else "Known: " + ", ".join(ARCHITECTURES) + "."
        raise ModelError(f"Unknown architecture '{name}'. {hint}") from None
