"""Where the steel is: a plate, a beam, a strip, a pipe; with bolts and seams on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from descale.synthesize.noise import Field, Size, grid, ramp


@dataclass(frozen=True)
class Structure:
    """Geometry of the steel in a picture; lengths in pixels.

    Attributes:
        inside: distance to the nearest edge of the steel, negative outside.
        shade: brightness factor from the form (flanges, roundness, bolts), about 1.
        bolts: rows of (y, x, radius).
        seams: heights y of horizontal seams under which water runs.
    """

    inside: Field
    shade: Field
    bolts: tuple[tuple[float, float, float], ...]
    seams: tuple[float, ...]


def structure(rng: np.random.Generator, size: Size) -> Structure:
    """One of the forms at random, turned by a few degrees."""
    y, x = grid(size)
    height, width = size
    unit = min(size)
    turn = rng.normal(0, 0.12)
    u = (x - width / 2) * np.cos(turn) + (y - height / 2) * np.sin(turn)
    v = -(x - width / 2) * np.sin(turn) + (y - height / 2) * np.cos(turn)
    inside, shade = _FORMS[rng.choice(len(_FORMS), p=_FORM_SHARES)](rng, u, v, unit)
    seams: tuple[float, ...] = ()
    if rng.random() < 0.4:
        at = rng.uniform(-0.35, 0.35) * unit
        line = np.abs(v - at)
        shade = shade * (1 - 0.4 * np.exp(-((line / (0.008 * unit)) ** 2)))
        shade = np.where(v > at, shade * rng.uniform(0.85, 1.0), shade)
        seams = (at + height / 2,)
    bolts = _bolts(rng, size) if rng.random() < 0.45 else ()
    for cy, cx, radius in bolts:
        shade = _bolt_shade(shade, y - cy, x - cx, radius)
    return Structure(inside.astype(np.float32), shade.astype(np.float32), bolts, seams)


def _close_up(rng: np.random.Generator, u: Field, v: Field, unit: int) -> tuple[Field, Field]:
    return np.full_like(u, 10.0 * unit), np.ones_like(u)


def _plate(rng: np.random.Generator, u: Field, v: Field, unit: int) -> tuple[Field, Field]:
    """One or two straight edges."""
    inside = np.full_like(u, 10.0 * unit)
    for _ in range(rng.integers(1, 3)):
        angle = rng.choice([0.0, 0.5, 1.0, 1.5]) * np.pi + rng.normal(0, 0.15)
        inside = np.minimum(inside, u * np.cos(angle) + v * np.sin(angle) + rng.uniform(0.05, 0.35) * unit)
    return inside, np.ones_like(u)


def _beam(rng: np.random.Generator, u: Field, v: Field, unit: int) -> tuple[Field, Field]:
    """A beam seen from the side: two flanges and a web in their shade."""
    half = rng.uniform(0.28, 0.42) * unit
    centre = rng.uniform(-0.1, 0.1) * unit
    flange = half * rng.uniform(0.15, 0.3)
    depth = half - np.abs(v - centre)
    shade = np.where(depth < flange, 1.08, rng.uniform(0.72, 0.95))
    cast = np.exp(-np.maximum(v - centre + half - flange, 0) / (0.1 * unit))  # under the upper flange
    return depth, shade * (1 - 0.35 * cast * (depth >= flange))


def _strip(rng: np.random.Generator, u: Field, v: Field, unit: int) -> tuple[Field, Field]:
    """A member that crosses the picture, sometimes two."""
    inside = np.full_like(u, -10.0 * unit)
    for _ in range(rng.integers(1, 3)):
        angle = rng.uniform(0, np.pi)
        half = rng.uniform(0.12, 0.26) * unit
        offset = rng.uniform(-0.2, 0.2) * unit
        inside = np.maximum(inside, half - np.abs(u * np.cos(angle) + v * np.sin(angle) - offset))
    return inside, 0.82 + 0.22 * ramp(inside, 0, 0.1 * unit)


def _pipe(rng: np.random.Generator, u: Field, v: Field, unit: int) -> tuple[Field, Field]:
    """A round member, bright along one side."""
    across = u if rng.random() < 0.5 else v
    radius = rng.uniform(0.22, 0.42) * unit
    inside = radius - np.abs(across)
    t = np.clip(across / radius, -1, 1)
    light = rng.uniform(-0.6, 0.6)
    return inside, 0.5 + 0.65 * np.clip(t * light + np.sqrt(1 - t**2) * np.sqrt(1 - light**2), 0, 1)


_FORMS = (_close_up, _plate, _beam, _strip, _pipe)
_FORM_SHARES = (0.2, 0.28, 0.22, 0.15, 0.15)


def _bolts(rng: np.random.Generator, size: Size) -> tuple[tuple[float, float, float], ...]:
    """A row or grid of bolt heads."""
    unit = min(size)
    radius = rng.uniform(0.022, 0.045) * unit
    pitch = radius * rng.uniform(4.5, 8)
    rows, columns = rng.integers(1, 3), rng.integers(2, 6)
    y0, x0 = rng.uniform(0.15, 0.65) * size[0], rng.uniform(0.1, 0.4) * size[1]
    return tuple((y0 + i * pitch, x0 + j * pitch, radius) for i in range(rows) for j in range(columns))


def _bolt_shade(shade: Field, dy: Field, dx: Field, radius: float) -> Field:
    distance = np.sqrt(dy**2 + dx**2) / radius
    head = ramp(1.1 - distance, 0, 0.2)
    lit = 1.05 - 0.28 * np.clip((dy + dx) / radius, -1, 1)
    cast = np.exp(-(((dy - 0.5 * radius) ** 2 + (dx - 0.5 * radius) ** 2) / (radius * 1.1) ** 2))
    return shade * (1 - 0.45 * cast * (1 - head)) * (1 + head * (lit - 1))
