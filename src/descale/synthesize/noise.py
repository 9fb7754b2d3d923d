"""Random fields: the material that surfaces and corrosion are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.floating[Any]]
"""Floats (H, W); float32 unless a double crept in, which changes nothing but the speed."""
Size = tuple[int, int]
"""Height and width in pixels."""


def smooth(
    rng: np.random.Generator, size: Size, cells: float, stretch: tuple[float, float] = (1, 1)
) -> Field:
    """Value noise, mean about 0: random values on a lattice, bicubic between them.

    Args:
        rng: source of randomness.
        size: height and width.
        cells: lattice cells along the shorter side; more cells, finer noise.
        stretch: factors by which features grow along y and x.
    """
    height, width = size
    unit = min(size) / cells
    rows = max(2, min(height, round(height / (unit * stretch[0]))))
    columns = max(2, min(width, round(width / (unit * stretch[1]))))
    # one cell more on each side, cut off again, so that borders look like the inside
    lattice = rng.random((rows + 2, columns + 2), dtype=np.float32) - 0.5
    box = (1.0, 1.0, columns + 1.0, rows + 1.0)
    grown = Image.fromarray(lattice).resize((width, height), Image.Resampling.BICUBIC, box=box)
    return np.asarray(grown, dtype=np.float32)


def fractal(
    rng: np.random.Generator,
    size: Size,
    cells: float,
    *,
    octaves: int = 4,
    gain: float = 0.55,
    stretch: tuple[float, float] = (1, 1),
) -> Field:
    """Octaves of :func:`smooth`, each twice as fine and ``gain`` as strong; mean 0, deviation 1."""
    total = np.zeros(size, dtype=np.float32)
    strength = 1.0
    for octave in range(octaves):
        total += strength * smooth(rng, size, cells * 2**octave, stretch)
        strength *= gain
    return standard(total)


def standard(field: Field) -> Field:
    """Shift and scale to mean 0, deviation 1."""
    return (field - field.mean()) / (field.std() + np.float32(1e-6))


def ramp(field: Field, low: float, high: float) -> Field:
    """Smooth step: 0 below ``low``, 1 above ``high``."""
    t = np.clip((field - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def cells(rng: np.random.Generator, size: Size, count: int) -> tuple[NDArray[np.int64], Field]:
    """Voronoi cells: number of the cell of each pixel, and distance to its border (0 at it) in pixels."""
    y, x = grid(size)
    points = rng.random((count, 2), dtype=np.float32) * np.asarray(size, dtype=np.float32)
    distances = np.sqrt((y[..., None] - points[:, 0]) ** 2 + (x[..., None] - points[:, 1]) ** 2)
    nearest = distances.argmin(axis=-1)
    two = np.partition(distances, 1, axis=-1)[..., :2]
    return nearest, two[..., 1] - two[..., 0]


def grid(size: Size) -> tuple[Field, Field]:
    """Pixel coordinates y and x."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    return y, x


def relief(height: Field, light: tuple[float, float], strength: float) -> Field:
    """Factor on the brightness of a bumpy surface lit from direction ``light`` (y, x); about 1."""
    dy, dx = np.asarray(np.gradient(height))
    slope: Field = dy * light[0] + dx * light[1]
    return np.clip(1 + strength * slope, 0.35, 1.8)
