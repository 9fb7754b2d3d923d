"""Colour ramps and palettes. All values are RGB 0..255 as floats."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.synthesize.noise import Field

Picture = NDArray[np.floating[Any]]
"""Floats (H, W, 3), RGB 0..255."""
Colour = tuple[float, float, float]

RUST: tuple[Colour, ...] = (
    (206, 146, 92),
    (196, 112, 54),
    (168, 82, 42),
    (128, 64, 38),
    (96, 54, 38),
    (70, 44, 36),
    (46, 36, 34),
)
"""From a fresh stain to old scale."""

PAINTS: tuple[Colour, ...] = (
    (188, 190, 186),
    (142, 148, 150),
    (96, 118, 104),
    (122, 146, 126),
    (70, 98, 132),
    (150, 172, 186),
    (216, 210, 192),
    (196, 170, 84),
)

RUSTY_PAINTS: tuple[Colour, ...] = (
    (142, 74, 56),
    (160, 92, 58),
    (118, 72, 50),
    (98, 62, 46),
    (186, 116, 62),
    (172, 128, 92),
)
"""Red oxide primer, brown, ochre: the colours of rust, but paint."""


def along(colours: tuple[Colour, ...], position: Field) -> Picture:
    """Colours between the stops of a ramp; ``position`` 0..1 over its length."""
    stops = np.asarray(colours, dtype=np.float32)
    places = np.linspace(0, 1, len(colours), dtype=np.float32)
    channels = [np.interp(position, places, stops[:, i]) for i in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def flat(size: tuple[int, int], colour: NDArray[np.float32] | Colour) -> Picture:
    """A picture of one colour."""
    return np.broadcast_to(np.asarray(colour, dtype=np.float32), (*size, 3)).copy()


def pick(rng: np.random.Generator, colours: tuple[Colour, ...], spread: float = 12) -> NDArray[np.float32]:
    """One of the colours, shifted: brightness by up to 3 and hue by up to 1 times ``spread``."""
    base = np.asarray(colours[rng.integers(len(colours))], dtype=np.float32)
    shifted = base + rng.normal(0, spread * 1.5) + rng.normal(0, spread * 0.5, 3)
    return np.clip(shifted, 8, 247).astype(np.float32)


def blend(under: Picture, over: Picture, alpha: Field) -> Picture:
    """``over`` laid on ``under`` with opacity ``alpha`` (0..1)."""
    return under + (over - under) * alpha[..., None]
