"""The five decoder architectures of the study, by name; a new one is one new line here."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import segmentation_models_pytorch as smp
from torch import nn

from descale.base.errors import ModelError


@dataclass(frozen=True)
class Architecture:
    """One decoder family.

    Attributes:
        name: how it is written in study files and on the command line.
        title: how it is written in reports.
        constructor: class of segmentation_models_pytorch that builds it.
    """

    name: str
    title: str
    constructor: Callable[..., nn.Module]


ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture("unet", "U-Net", smp.Unet),
        Architecture("unetplusplus", "U-Net++", smp.UnetPlusPlus),
        Architecture("fpn", "FPN", smp.FPN),
        Architecture("linknet", "LinkNet", smp.Linknet),
        Architecture("manet", "MA-Net", smp.MAnet),
    )
}


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
