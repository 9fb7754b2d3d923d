"""How deep corrosion has gone at each pixel, and how that looks."""

from __future__ import annotations

import numpy as np

from descale.synthesize.colour import RUST, Picture, along, blend
from descale.synthesize.noise import Field, Size, fractal, grid, ramp, relief, smooth
from descale.synthesize.structure import Structure

FAIR, POOR, SEVERE = 0.0, 0.42, 0.72
"""Depth from which on a pixel is fair, poor, severe; below or at 0 it is sound."""


def corrosion_depth(rng: np.random.Generator, size: Size, form: Structure) -> Field:
    """Depth of corrosion: above 0 corroded, up to about 1; 0 and below sound. Zero off the steel."""
    unit = min(size)
    rough = fractal(rng, size, 9, octaves=3)  # the same roughness for all borders
    depth = np.full(size, -1.0, dtype=np.float32)
    weathering = rng.random()
    if weathering < 0.72:
        depth = np.maximum(depth, _patches(rng, size, rough))
    if rng.random() < 0.4:
        depth = np.maximum(depth, _edge_rust(rng, form, unit, rough))
    if form.bolts and rng.random() < 0.7:
        depth = np.maximum(depth, _around_bolts(rng, size, form, rough))
    if rng.random() < 0.45:
        depth = np.maximum(depth, _runs(rng, size, form, depth))
    if rng.random() < 0.4:
        depth = np.maximum(depth, _pits(rng, size))
    return np.where(form.inside > 0, np.minimum(depth, 1.0), np.minimum(depth, -0.01)).astype(np.float32)


def render(rng: np.random.Generator, steel: Picture, depth: Field) -> Picture:
    """Lay rust of the given depth on a picture of sound steel.

    Shallow rust is a stain that lets the steel through; deeper rust is opaque, rough and mottled over
    several octaves; the deepest is dark, flaking scale with strong relief.
    """
    size = depth.shape
    mottle = 0.55 * fractal(rng, size, 6, octaves=5, gain=0.7) + 0.45 * fractal(
        rng, size, 40, octaves=2, gain=0.8
    )
    age = rng.uniform(-0.12, 0.14)
    tone = np.clip(0.16 + 0.55 * np.clip(depth, 0, 1) + age + 0.15 * mottle, 0, 1)
    rust = along(RUST, tone)
    grain = fractal(rng, size, 60, octaves=2, gain=0.9)
    deep = np.clip(depth, 0, 1)
    rust *= (1 + (0.05 + 0.1 * deep) * grain)[..., None]
    flakes = ramp(fractal(rng, size, 12, octaves=3, gain=0.7), -0.1, 0.15) * ramp(
        depth, SEVERE - 0.15, SEVERE + 0.1
    )
    height = 1.1 * grain * deep + 3.0 * flakes - 2.5 * ramp(depth, -0.02, 0.12)
    lit = relief(height.astype(np.float32), (0.65, 0.75), 0.16)
    opacity = ramp(depth, -0.05, 0.05) * np.clip(0.62 + 1.1 * deep + 0.08 * mottle, 0, 1)
    picture = blend(steel, rust, opacity.astype(np.float32))
    corroded = ramp(depth, -0.03, 0.03)
    return picture * (1 + corroded * (lit - 1))[..., None]


def blisters(rng: np.random.Generator, size: Size, steel: Picture, depth: Field) -> tuple[Picture, Field]:
    """Domes in the paint, lit from one side; about half have burst and show rust inside."""
    y, x = grid(size)
    unit = min(size)
    centre_y, centre_x = rng.uniform(0.2, 0.8, 2) * size
    dome = np.zeros(size, dtype=np.float32)
    for _ in range(rng.integers(6, 18)):
        radius = unit * rng.uniform(0.015, 0.05)
        cy, cx = rng.normal(centre_y, 0.15 * unit), rng.normal(centre_x, 0.15 * unit)
        square = ((y - cy) ** 2 + (x - cx) ** 2) / radius**2
        dome = np.maximum(dome, radius * np.sqrt(np.clip(1 - square, 0, 1)))
        if rng.random() < 0.5:
            hole = np.clip(0.75 - np.sqrt(square) + 0.2 * smooth(rng, size, 30), -1, 0.6)
            depth = np.maximum(depth, np.where(hole > 0, 0.25 + 0.6 * hole, -1)).astype(np.float32)
    return steel * relief(dome, (-0.7, -0.7), 0.3)[..., None], depth


def _patches(rng: np.random.Generator, size: Size, rough: Field) -> Field:
    """Areas where a fractal field exceeds a level chosen for the coverage wanted."""
    warp = fractal(rng, size, rng.uniform(1.5, 4), octaves=4, gain=0.5)
    field = warp + 0.16 * rough
    coverage = float(np.clip(rng.beta(1.3, 3.2), 0.02, 0.75))
    level = np.quantile(field, 1 - coverage)
    reach = rng.uniform(0.9, 2.2)  # how fast depth grows inwards; small = severe soon
    return ((field - level) / reach).astype(np.float32)


def _edge_rust(rng: np.random.Generator, form: Structure, unit: int, rough: Field) -> Field:
    """Corrosion creeping in from the edges of the steel."""
    reach = unit * rng.uniform(0.02, 0.09)
    return (1.0 - form.inside / reach + 0.45 * rough).astype(np.float32) * rng.uniform(0.4, 0.9)


def _around_bolts(rng: np.random.Generator, size: Size, form: Structure, rough: Field) -> Field:
    y, x = grid(size)
    depth = np.full(size, -1.0, dtype=np.float32)
    for cy, cx, radius in form.bolts:
        if rng.random() < 0.65:
            distance = np.sqrt((y - cy) ** 2 + (x - cx) ** 2) / (radius * rng.uniform(1.2, 2.4))
            depth = np.maximum(depth, rng.uniform(0.4, 1.0) * (1 - distance + 0.25 * rough))
    return depth


def _runs(rng: np.random.Generator, size: Size, form: Structure, depth: Field) -> Field:
    """Stains running down from bolts, seams and the lower borders of patches."""
    y, x = grid(size)
    unit = min(size)
    starts = [(cy, cx) for cy, cx, _ in form.bolts]
    starts += [(seam, rng.uniform(0, size[1])) for seam in form.seams for _ in range(6)]
    lower = np.argwhere((depth[:-1] > 0.1) & (depth[1:] <= 0.1))
    if len(lower):
        starts += [tuple(place) for place in lower[rng.integers(len(lower), size=6)].astype(float)]
    if not starts:
        starts = [(rng.uniform(0, 0.4) * size[0], rng.uniform(0, size[1])) for _ in range(4)]
    tilt = rng.normal(0, 0.06)
    sway = smooth(rng, size, 5) * 0.03 * unit
    threads = 1 + 0.3 * fractal(rng, size, 24, octaves=2, stretch=(12, 1))
    stain = np.full(size, -1.0, dtype=np.float32)
    for index in rng.permutation(len(starts))[:8]:
        cy, cx = starts[index]
        length, half = unit * rng.uniform(0.12, 0.5), unit * rng.uniform(0.01, 0.035)
        down = (y - cy) / length
        aside = (x - cx - tilt * (y - cy) + sway) / half
        body = np.exp(-(aside**2)) * np.clip(1.0 - down, 0, 1) ** 0.6 * threads
        stain = np.maximum(stain, np.where(down >= 0, body - 0.35, -1))
    return (stain * rng.uniform(0.35, 0.7)).astype(np.float32)


def _pits(rng: np.random.Generator, size: Size) -> Field:
    """Clusters of small, deep spots."""
    cluster = ramp(fractal(rng, size, 3, octaves=2), 0.3, 1.4)
    spots = fractal(rng, size, rng.uniform(18, 28), octaves=1)
    return ((spots * 0.5 + cluster) - 1.45).astype(np.float32) * rng.uniform(0.8, 1.4)
