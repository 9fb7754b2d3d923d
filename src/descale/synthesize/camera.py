"""From surface to photo: light, shadow, lens, sensor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from descale.synthesize.colour import Picture
from descale.synthesize.noise import Field, Size, grid, ramp, smooth


def expose(rng: np.random.Generator, picture: Picture) -> NDArray[np.uint8]:
    """Photograph a picture: uneven light, cast shadows, colour of light, vignette, blur, sensor noise."""
    size = (picture.shape[0], picture.shape[1])
    lit = picture * (_light(rng, size) * _shadow(rng, size))[..., None]
    warmth = rng.normal(0, 0.07)
    lit = lit * np.asarray([1 + warmth, 1 + rng.normal(0, 0.015), 1 - warmth], dtype=np.float32)
    lit *= rng.uniform(0.72, 1.22)
    image = Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))
    blur = abs(rng.normal(0, 0.45)) * min(size) / 128
    if blur > 0.2:
        image = image.filter(ImageFilter.GaussianBlur(blur))
    noise = rng.normal(0, rng.uniform(1, 6), (*size, 3)).astype(np.float32)
    return np.clip(np.asarray(image, dtype=np.float32) + noise, 0, 255).round().astype(np.uint8)


def _light(rng: np.random.Generator, size: Size) -> Field:
    y, x = grid(size)
    angle = rng.uniform(0, 2 * np.pi)
    slope = rng.uniform(0, 0.35)
    across = ((x / size[1] - 0.5) * np.cos(angle) + (y / size[0] - 0.5) * np.sin(angle)).astype(np.float32)
    vignette = 1 - rng.uniform(0, 0.4) * ((x / size[1] - 0.5) ** 2 + (y / size[0] - 0.5) ** 2)
    return ((1 + slope * across) * vignette).astype(np.float32)


def _shadow(rng: np.random.Generator, size: Size) -> Field:
    """Soft or sharp, straight or broken by leaves; none in half of the photos."""
    if rng.random() < 0.5:
        return np.ones(size, dtype=np.float32)
    y, x = grid(size)
    unit = min(size)
    angle = rng.uniform(0, 2 * np.pi)
    edge = (x - size[1] * rng.uniform(0.2, 0.8)) * np.cos(angle) + (
        y - size[0] * rng.uniform(0.2, 0.8)
    ) * np.sin(angle)
    if rng.random() < 0.4:
        edge = edge + smooth(rng, size, rng.uniform(4, 9)) * unit * 0.5
    softness = unit * rng.uniform(0.01, 0.1)
    return (1 - rng.uniform(0.3, 0.62) * ramp(edge.astype(np.float32), -softness, softness)).astype(
        np.float32
    )
